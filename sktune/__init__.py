"""sktune: tune the neural network at the end of a scikit-learn pipeline."""

from sktune.nets import ConvNetClassifier, MLPClassifier, MLPRegressor
from sktune.search import (
    AsyncHalvingSearchCV,
    HyperbandSearchCV,
    SuccessiveHalvingSearchCV,
    best_score,
    one_standard_error,
)
from sktune.space import Choice, Float, Int, suggest_space

__version__ = "0.1.0"

__all__ = [
    "SuccessiveHalvingSearchCV",
    "HyperbandSearchCV",
    "AsyncHalvingSearchCV",
    "MLPClassifier",
    "MLPRegressor",
    "ConvNetClassifier",
    "Float",
    "Int",
    "Choice",
    "suggest_space",
    "best_score",
    "one_standard_error",
]
