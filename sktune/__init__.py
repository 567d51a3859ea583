"""sktune: tune the neural network at the end of a scikit-learn pipeline."""

from sktune.nets import ConvNetClassifier, MLPClassifier, MLPRegressor
from sktune.search import SuccessiveHalvingSearchCV
from sktune.space import Choice, Float, Int, suggest_space

__version__ = "0.1.0"

__all__ = [
    "Choice",
    "ConvNetClassifier",
    "Float",
    "Int",
    "MLPClassifier",
    "MLPRegressor",
    "SuccessiveHalvingSearchCV",
    "suggest_space",
]
