"""sktune: tune the neural network at the end of a scikit-learn pipeline."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sktune.nets import ConvNetClassifier, MLPClassifier, MLPRegressor
    from sktune.report import (
        AnytimeDisplay,
        HyperparametersDisplay,
        ImportancesDisplay,
        LearningCurvesDisplay,
        ParallelCoordinatesDisplay,
        RungsDisplay,
        importances,
        optimism,
        read_storage,
        sensitivity,
    )
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
    "read_storage",
    "LearningCurvesDisplay",
    "RungsDisplay",
    "HyperparametersDisplay",
    "ParallelCoordinatesDisplay",
    "ImportancesDisplay",
    "AnytimeDisplay",
    "importances",
    "sensitivity",
    "optimism",
]

_ROOMS = ("search", "nets", "space", "report")


def __getattr__(name: str) -> Any:
    # A name is fetched when it is asked for, so that reading a storage imports no torch.
    if name in __all__:
        for room in map(import_module, (f"sktune.{room}" for room in reversed(_ROOMS))):
            if name in room.__all__:
                return getattr(room, name)
    raise AttributeError(f"module 'sktune' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
