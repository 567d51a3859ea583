"""What a finished search leaves behind: its fitted attributes."""

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import FitFailedWarning
from sklearn.utils.validation import validate_data

from sktune.candidates import Failure, RungKey
from sktune.engine import INTERRUPTED, Engine
from sktune.exceptions import (
    AllRunsFailedError,
    InvalidSettingsError,
    RefitFailedError,
    count_causes,
)
from sktune.execution import noticed_interrupts
from sktune.report import SearchData, stacking
from sktune.runs import ranking_metric
from sktune.schedules import Plan, best, in_order, n_cuts
from sktune.search.checks import metric_names
from sktune.search.resources import resource_of
from sktune.search.results import cv_results, eligible_results, rows
from sktune.search.storing import description
from sktune.search.winner import ensemble, refitted


class Conclusion:
    """Draws the fitted attributes from an engine that has stopped.

    Raises
    ------
    AllRunsFailedError
        If every candidate has failed; the causes are counted.
    """

    def __init__(self, search: Any, engine: Engine, plan: Plan, low: int) -> None:
        self._search, self._engine, self._plan = search, engine, plan
        self._low = low
        self._history = engine.history
        errors = [report.error for report in self._history if report.error]
        place = best(self._history)
        if place is None:
            raise AllRunsFailedError(_no_candidate(search, engine, errors))
        if errors and engine.stop_reason != INTERRUPTED:
            _warn_of_failures(errors, len(self._history.reports))
        self._place, self._rows = place, rows(self._history)
        self._metrics = next(list(r.scores) for r in self._history if r.status == "ok")
        self._rank_by = ranking_metric(self._metrics, engine.problem.setup.refit)
        self._error_score = np.nan if search.error_score == "raise" else float(search.error_score)

    def results(self) -> dict[str, Any]:
        """Return what was measured, and on what."""
        search, setup = self._search, self._engine.problem.setup
        found: dict[str, Any] = {
            "cv_results_": cv_results(self._history, self._error_score, self._rank_by),
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
        found["_found"] = self._data()
        if setup.classes is not None:
            found["classes_"] = setup.classes
        return found

    def _data(self) -> SearchData:
        search, engine = self._search, self._engine
        return SearchData(
            type(search).__name__,
            self._history,
            self._plan,
            resource_of(search),
            self._rank_by,
            engine.stop_reason,
            engine.began,
            description(search, engine.problem),
        )

    def choice(self, results: Mapping[str, Any]) -> dict[str, Any]:
        """Return which candidate is the best, of the attributes of :meth:`results`."""
        search, table = self._search, results["cv_results_"]
        if not search.refit and results["multimetric_"]:
            return {}
        if callable(search.refit):
            index = self._chosen(search.refit)
            return {"best_index_": index, "best_params_": table["params"][index]}
        index = self._row_of(self._place)
        return {
            "best_index_": index,
            "best_params_": table["params"][index],
            "best_score_": table[f"mean_test_{self._rank_by}"][index],
        }

    def _chosen(self, refit: Callable[..., Any]) -> int:
        index = _row_number(
            refit(eligible_results(self._history, self._error_score, self._rank_by)),
            len(self._rows),
        )
        number = self._rows[index].candidate_id
        errors = [r.error for r in self._history if r.candidate_id == number and r.error]
        if errors:
            raise ValueError(
                f"The `refit` callable returned row {index}, of candidate {number}, which failed "
                f"later ({errors[0]}): return a row of a candidate all of whose rows have the "
                "status 'ok'. A failed candidate has `error_score` in all rows of what the "
                "callable is given, and the last rank."
            )
        return index

    def _row_of(self, place: RungKey) -> int:
        return [row.place for row in self._rows].index(place)

    def refitted(self, index: int) -> dict[str, Any]:
        """Return the estimator that predicts, made of a row's candidate.

        Raises
        ------
        RefitFailedError
            If it cannot be made; the message says how to take the next best.
        """
        start, row = time.perf_counter(), self._rows[index]
        candidate = self._history.candidates[row.candidate_id]
        make = ensemble if self._search.ensemble else refitted
        try:
            with noticed_interrupts() as raise_again:
                found = make(self._engine, candidate, row.n_resources)
                raise_again()
        except InvalidSettingsError:
            raise
        except Exception as error:
            raise RefitFailedError(self._refit_failed(index, error)) from error
        seconds = self._engine.refit.waited + time.perf_counter() - start
        return {"best_estimator_": found, "refit_time_": seconds}

    def _refit_failed(self, index: int, error: Exception) -> str:
        number = self._rows[index].candidate_id
        others = (p for p in in_order(self._history) if p.candidate_id != number)
        place = next(others, None)
        advice = "No other candidate is left that has not failed."
        if place is not None:
            row = self._row_of(place)
            advice = (
                f"The next best is candidate {place.candidate_id}, row {row}; "
                f"clone(search.estimator).set_params(**search.cv_results_['params'][{row}])"
                ".fit(X, y) trains it. A `refit` callable may choose another row too."
            )
        return (
            f"The refit of candidate {number}, row {index} of `cv_results_`, failed with "
            f"{Failure.of(error, 0.0).reason}\nWhat the search found stays: `cv_results_`, "
            f"`best_params_`, `history_` and more. {advice}"
        )

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


def _row_number(answer: Any, n_rows: int) -> int:
    """Return what a ``refit`` callable answered, if it is the number of a row."""
    if not isinstance(answer, (int, np.integer)):
        raise TypeError(f"The `refit` callable returned {answer!r}: it must return a row number.")
    if not 0 <= answer < n_rows:
        raise IndexError(
            f"The `refit` callable returned {answer}: `cv_results_` has the rows 0 to {n_rows - 1}."
        )
    return int(answer)


def _no_candidate(search: Any, engine: Engine, errors: Sequence[str]) -> str:
    n_runs, candidates = len(engine.history.reports), engine.history.candidates
    if engine.stop_reason in ("time_budget", "callback"):
        said = _too_early(search, engine.stop_reason)
        return f"{said}\n{len(errors)} runs failed:\n{count_causes(errors)}" if errors else said
    if not candidates:
        return "`sampler` proposed no candidate: give it something to try."
    share = f"All {n_runs}" if len(errors) == n_runs else f"{len(errors)} of {n_runs}"
    return (
        f"{share} runs failed, so no candidate is left that has a score on every fold:\n"
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
        stacklevel=7,
    )
