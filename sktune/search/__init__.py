"""The scikit-learn face of the searches."""

from sktune.search.asynchronous import AsyncHalvingSearchCV
from sktune.search.choosing import best_score, one_standard_error
from sktune.search.halving import SuccessiveHalvingSearchCV
from sktune.search.hyperband import HyperbandSearchCV

__all__ = [
    "AsyncHalvingSearchCV",
    "HyperbandSearchCV",
    "SuccessiveHalvingSearchCV",
    "best_score",
    "one_standard_error",
]
