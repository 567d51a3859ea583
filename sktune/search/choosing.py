"""Ways to choose the best row of ``cv_results_``, for the ``refit`` of a search."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt


def best_score(cv_results: Mapping[str, Any], metric: str = "score") -> int:
    """Return the row with the highest mean score among those with the most resources.

    Of equal rows the one with fewer trained weights is taken, then the lower candidate id: what a
    search does by itself with ``refit=True``. A candidate that failed is never chosen.

    Parameters
    ----------
    cv_results : dict of ndarray
        The ``cv_results_`` of a search.
    metric : str, default="score"
        Which metric, if there are several; give it by ``functools.partial``.

    Returns
    -------
    index : int

    Examples
    --------
    >>> results = {
    ...     "n_resources": np.array([1, 3, 3]), "status": np.array(["ok"] * 3),
    ...     "n_parameters": np.array([9, 90, 9]), "candidate_id": np.array([0, 1, 2]),
    ...     "mean_test_score": np.array([0.9, 0.8, 0.7]),
    ... }
    >>> best_score(results)
    1
    """
    rows = _last_rung(cv_results)
    return _cheapest(cv_results, rows, -cv_results[f"mean_test_{metric}"][rows])


def one_standard_error(cv_results: Mapping[str, Any], metric: str = "score") -> int:
    """Return the cheapest row whose mean score is within one standard error of the best.

    The rule of Breiman et al., *Classification and regression trees*, 1984: differences smaller
    than the best score's own uncertainty are not worth a larger network. (With one fold the error
    is unknown, and only equal scores are as good.) Only rows with the most resources are compared,
    and no candidate that failed. The cheapest has the fewest trained weights; of estimators
    without any it takes the least time to fit.

    Parameters
    ----------
    cv_results : dict of ndarray
        The ``cv_results_`` of a search.
    metric : str, default="score"
        Which metric, if there are several; give it by ``functools.partial``.

    Returns
    -------
    index : int

    Examples
    --------
    >>> results = {
    ...     "n_resources": np.array([3, 3]), "status": np.array(["ok"] * 2),
    ...     "n_parameters": np.array([90, 9]), "candidate_id": np.array([0, 1]),
    ...     "mean_test_score": np.array([0.8, 0.75]), "mean_fit_time": np.array([2.0, 1.0]),
    ...     "split0_test_score": np.array([0.7, 0.75]), "split1_test_score": np.array([0.9, 0.75]),
    ... }
    >>> one_standard_error(results)
    1
    """
    best = best_score(cv_results, metric)
    rows = _last_rung(cv_results)
    folds = _folds(cv_results, metric)[:, best]
    # A single fold tells nothing of its uncertainty.
    error = folds.std(ddof=1) / np.sqrt(len(folds)) if len(folds) > 1 else 0.0
    means = cv_results[f"mean_test_{metric}"]
    rows = rows[means[rows] >= means[best] - error]
    costs = cv_results["n_parameters"][rows]
    return _cheapest(cv_results, rows, costs if costs.any() else cv_results["mean_fit_time"][rows])


def _last_rung(cv_results: Mapping[str, Any]) -> npt.NDArray[np.intp]:
    """Return the rows of candidates without any failure that have the most resources."""
    ids = cv_results["candidate_id"]
    has_failed = np.isin(ids, ids[cv_results["status"] != "ok"])
    resources = np.where(has_failed, -1, cv_results["n_resources"])
    return np.flatnonzero(resources == resources.max())


def _cheapest(cv_results: Mapping[str, Any], rows: npt.NDArray[np.intp], first: Any) -> int:
    ids, weights = cv_results["candidate_id"][rows], cv_results["n_parameters"][rows]
    return int(rows[np.lexsort((ids, weights, first))[0]])


def _folds(cv_results: Mapping[str, Any], metric: str) -> npt.NDArray[np.float64]:
    names = [n for n in cv_results if n.startswith("split") and n.endswith(f"_test_{metric}")]
    return np.array([cv_results[name] for name in names])
