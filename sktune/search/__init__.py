"""The scikit-learn face: searches with ``fit``, ``predict`` and ``cv_results_``."""

from sktune.search.halving import SuccessiveHalvingSearchCV

__all__ = ["SuccessiveHalvingSearchCV"]
