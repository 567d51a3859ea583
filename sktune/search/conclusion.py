"""What a finished search leaves behind: its fitted attributes."""

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import FitFailedWarning
from sklearn.utils.validation import validate_data

from sktune.engine import Engine
from sktune.exceptions import AllRunsFailedError, count_causes
from sktune.schedules import Plan, best, n_cuts
from sktune.search.checks import metric_names
from sktune.search.progress import CallbackTree
from sktune.search.results import cv_results, rows, stacking
from sktune.search.winner import Winner
from sktune.trainers import ranking_metric


class Conclusion:
    """Draws the fitted attributes from an engine that has stopped.

    Raises
    ------
    AllRunsFailedError
        If there is no candidate with a finite score; the causes are counted.
    """

    def __init__(
        self, search: Any, engine: Engine, plan: Plan, low: int, tree: CallbackTree | None
    ) -> None:
        self._search, self._engine, self._plan, self._tree = search, engine, plan, tree
        self._low = low
        self._history = engine.history
        errors = [report.error for report in self._history if report.error]
        place = best(self._history)
        if place is None:
            raise AllRunsFailedError(_no_candidate(search, engine, errors))
        if errors:
            _warn_of_failures(errors, len(self._history.reports))
        self._place = place
        self._metrics = next(list(r.scores) for r in self._history if r.status == "ok")
        self._rank_by = ranking_metric(self._metrics, engine.problem.setup.refit)

    def attributes(self) -> dict[str, Any]:
        """Return all attributes, after refitting."""
        search, setup = self._search, self._engine.problem.setup
        error_score = np.nan if search.error_score == "raise" else float(search.error_score)
        results = cv_results(self._history, error_score, self._rank_by)
        found: dict[str, Any] = {
            "cv_results_": results,
            "history_": self._history.records(),
            "plan_": self._plan,
            "stop_reason_": self._engine.stop_reason,
            "stacking_": stacking(self._history),
            "scorer_": getattr(setup.scorer, "_scorers", setup.scorer),
            "multimetric_": bool(metric_names(search.scoring)) or self._metrics != ["score"],
            "n_splits_": len(self._engine.problem.splits),
            "_ranked_by": self._rank_by,
            **self._counts(),
        }
        if setup.classes is not None:
            found["classes_"] = setup.classes
        if search.refit or not found["multimetric_"]:
            found |= self._best(results)
        return found | self._refitted(found["best_index_"]) if search.refit else found

    def _best(self, results: Mapping[str, Any]) -> dict[str, Any]:
        if callable(self._search.refit):
            index = _chosen(self._search.refit, results)
            return {"best_index_": index, "best_params_": results["params"][index]}
        index = [row.place for row in rows(self._history)].index(self._place)
        return {
            "best_index_": index,
            "best_params_": results["params"][index],
            "best_score_": results[f"mean_test_{self._rank_by}"][index],
        }

    def _refitted(self, index: int) -> dict[str, Any]:
        start = time.perf_counter()
        row = rows(self._history)[index]
        winner = Winner(self._engine, self._history.candidates[row.candidate_id])
        with self._tree.refitting() if self._tree else nullcontext():
            if self._search.ensemble:
                found = winner.ensemble(row.n_resources)
            else:
                found = winner.refitted(row.n_resources)
        return {
            "best_estimator_": found,
            "refit_time_": time.perf_counter() - start,
        }

    def _counts(self) -> dict[str, Any]:
        rows = [(row, self._history.reached(row["bracket"], row["rung"])) for row in self._plan]
        counts = [len(ids) for _, ids in rows if ids]
        every = [row["n_resources"] for row in self._plan]
        factor, first, last = self._search.factor, min(every), max(every)
        low = first if self._search.min_resources == "exhaust" else self._low
        return {
            "n_resources_": [row["n_resources"] for row, ids in rows if ids],
            "n_candidates_": counts,
            "n_remaining_candidates_": -(-counts[-1] // factor),
            "n_iterations_": len(counts),
            "n_required_iterations_": 1 + n_cuts(counts[0], factor),
            "n_possible_iterations_": 1 + n_cuts(last, factor, low),
            "min_resources_": first,
            "max_resources_": last,
        }


def features(X: Any, best_estimator: Any) -> dict[str, Any]:
    """Return number and names of the features, as far as anything knows them."""
    names = ("n_features_in_", "feature_names_in_")
    source = best_estimator
    if not hasattr(source, names[0]):
        source = BaseEstimator()
        validate_data(source, X, reset=True, skip_check_array=True)
    return {name: getattr(source, name) for name in names if hasattr(source, name)}


def _chosen(refit: Callable[..., Any], results: Mapping[str, Any]) -> int:
    index = refit(results)
    if not isinstance(index, (int, np.integer)):
        raise TypeError(f"The `refit` callable returned {index!r}: it must return a row number.")
    if not 0 <= index < len(results["params"]):
        raise IndexError(
            f"The `refit` callable returned {index}: `cv_results_` has the rows 0 to "
            f"{len(results['params']) - 1}."
        )
    return int(index)


def _no_candidate(search: Any, engine: Engine, errors: Sequence[str]) -> str:
    n_runs, candidates = len(engine.history.reports), engine.history.candidates
    if engine.stop_reason in ("time_budget", "callback"):
        said = _too_early(search, engine.stop_reason)
        return f"{said}\n{len(errors)} runs failed:\n{count_causes(errors)}" if errors else said
    if not candidates:
        return "`sampler` proposed no candidate: give it something to try."
    share = f"All {n_runs}" if len(errors) == n_runs else f"{len(errors)} of {n_runs}"
    return (
        f"{share} runs failed, so no candidate has a score on every fold:\n"
        f"{count_causes(errors)}\nerror_score='raise' shows the first error whole."
    )


def _too_early(search: Any, reason: str) -> str:
    what = "A callback" if reason == "callback" else f"`time_budget`={search.time_budget} s"
    way_out = "let it go on for longer" if reason == "callback" else "give it more seconds"
    stored = " (what is done is in `storage` and is not done again)" if search.storage else ""
    return f"{what} ended the search before a candidate was scored on all folds: {way_out}{stored}."


def _warn_of_failures(errors: Sequence[str], n_runs: int) -> None:
    warnings.warn(
        f"{len(errors)} of {n_runs} runs failed; the others are unharmed, and "
        f"`cv_results_['error']` has the reasons:\n{count_causes(errors)}",
        FitFailedWarning,
        stacklevel=6,
    )
