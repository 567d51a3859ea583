"""What all searches share: from ``fit(X, y)`` to the fitted attributes, and delegation."""

import time
import warnings
from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, MetaEstimatorMixin, is_classifier
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils import assert_all_finite, check_random_state, get_tags, indexable
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _num_features, check_is_fitted, column_or_1d

from sktune.candidates import Seeds
from sktune.engine import Engine, Observer, Problem, Schedule
from sktune.exceptions import AllRunsFailedError, count_causes, refuse
from sktune.execution import Executor
from sktune.samplers import Sampler
from sktune.schedules import Plan, best, n_cuts
from sktune.search.checks import metric_names, setting_mistakes, space_mistakes
from sktune.search.progress import CallbackSupportMixin, CallbackTree, RungPrinter, with_callbacks
from sktune.search.results import cv_results, records, rows
from sktune.search.winner import Winner
from sktune.space import Space, suggest_space
from sktune.trainers import Gate, Setup, codec_for, final_step, is_raw, reads_predictions_only


def _delegated(method: str) -> Callable[[Any], bool]:
    def is_available(search: Any) -> bool:
        if not search.refit:
            raise AttributeError(
                f"This {type(search).__name__} has `refit`=False, so there is no network to "
                f"{method} with: set `refit` and fit again."
            )
        getattr(getattr(search, "_predictor", search.estimator), method)
        return True

    return is_available


class BaseSearch(MetaEstimatorMixin, CallbackSupportMixin, BaseEstimator, metaclass=ABCMeta):
    """The scikit-learn face of a search; a kind of search adds its schedule."""

    @abstractmethod
    def _schedule(self, space: Space, n_splits: int) -> Schedule:
        """Return the rule of the search."""

    @abstractmethod
    def _sampler(self, space: Space, seed: int) -> Sampler:
        """Return what proposes the candidates."""

    @abstractmethod
    def plan(self) -> Plan:
        """Return the rungs, before anything is trained."""

    @with_callbacks
    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Search, then refit the best candidate on all rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows; whatever the estimator takes.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            The targets.
        **params : dict
            Passed to the estimator's ``fit``, values with an entry per row cut down to each
            fold; ``groups`` goes to the splitter. With metadata routing enabled, each goes
            where it was requested.

        Returns
        -------
        self : estimator

        Raises
        ------
        InvalidSettingsError
            If settings cannot work; all of them at once, before anything is trained.
        AllRunsFailedError
            If no candidate has a finite score.
        """
        space = self._checked_space()
        plan = self.plan()
        gate, X, y = self._checked_data(X, y)
        problem = self._problem(X, y, params)
        tree = self._callback_tree(plan, X=X, y=y, metadata=params or None)
        engine = self._searched(problem, space, tree)
        if tree:
            tree.search_ends()
        self._conclude(engine, plan, gate, tree)
        return self

    def _checked_space(self) -> Space:
        refuse(setting_mistakes(self))
        given = self.param_distributions
        space = Space(suggest_space(self.estimator) if _is_auto(given) else given)
        space.check_names(self.estimator)
        refuse(space_mistakes(space, final_step(self.estimator)[0], self.estimator))
        return space

    def _checked_data(self, X: Any, y: Any) -> tuple[Gate | None, Any, Any]:
        if y is None and get_tags(self.estimator).target_tags.required:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, "
                "but the target y is None."
            )
        path, net = final_step(self.estimator)
        gate = Gate(net) if is_raw(net) and not path else None
        if gate is not None:
            X = gate.enter(X, reset=True)
        X, y = indexable(X, y)
        return gate, X, self._checked_target(y)

    def _checked_target(self, y: Any) -> Any:
        if np.asarray(y).dtype.kind == "f":
            assert_all_finite(y, input_name="y")
        if is_classifier(self.estimator):
            check_classification_targets(y)
            is_column = np.ndim(y) == 2 and np.shape(y)[1] == 1
            return column_or_1d(y, warn=True) if is_column else y
        return y

    def _problem(self, X: Any, y: Any, params: Mapping[str, Any]) -> Problem:
        scorer, (path, net) = self._scorer(), final_step(self.estimator)
        fit, split, score = self._routed(params, scorer)
        classes = self._classes(y)
        setup = Setup(
            self.estimator,
            scorer,
            horizon=self._max_resources(),
            rank_by=self._rank_by(),
            classes=classes,
            codec=codec_for(net, y, classes),
            return_train_score=self.return_train_score,
        )
        cv = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        return Problem(
            setup,
            path,
            X,
            y,
            splits=[(np.asarray(a), np.asarray(b)) for a, b in cv.split(X, y, **split)],
            seeds=Seeds(_root_seed(self.random_state)),
            # Whether a step wants the scorer's metadata, only the whole pipeline knows.
            whole_pipeline=bool(score) or not reads_predictions_only(scorer),
            fit_params=fit,
            score_params=score,
        )

    def _searched(self, problem: Problem, space: Space, tree: CallbackTree | None) -> Engine:
        observers: list[Observer] = [RungPrinter()] if self.verbose else []
        with Executor(self.n_jobs) as executor:
            setup = replace(problem.setup, n_threads=executor.n_threads)
            engine = Engine(
                replace(problem, setup=setup),
                self._sampler(space, problem.seeds.root),
                self._schedule(space, len(problem.splits)),
                executor,
                observers + ([tree] if tree else []),
                raise_errors=self.error_score == "raise",
            )
            engine.run()
        return engine

    def _conclude(
        self, engine: Engine, plan: Plan, gate: Gate | None, tree: CallbackTree | None
    ) -> None:
        """Refit, and only then replace the fitted attributes, all at once."""
        history, setup = engine.history, engine.problem.setup
        place = best(history)
        errors = [report.error for report in history if report.error]
        if place is None:
            raise AllRunsFailedError(
                f"All {len(errors)} runs failed:\n{count_causes(errors)}\n"
                "error_score='raise' shows the first error whole."
            )
        if errors:
            _warn_of_failures(errors, len(history.reports))
        error_score = np.nan if self.error_score == "raise" else float(self.error_score)
        found = {
            "cv_results_": cv_results(history, error_score, setup.rank_by),
            "history_": records(history),
            "plan_": plan,
            "stop_reason_": engine.stop_reason,
            "scorer_": getattr(setup.scorer, "_scorers", setup.scorer),
            "multimetric_": setup.rank_by != "score",
            "n_splits_": len(engine.problem.splits),
            **self._counts(engine, plan),
        }
        found |= self._best(engine, place, found["cv_results_"])
        if self.refit:
            row = rows(history)[found["best_index_"]]
            found |= self._refitted(engine, row.candidate_id, row.reports[0].n_resources, tree)
        found |= self._features(gate, engine.problem.X, found.get("best_estimator_"))
        if setup.classes is not None:
            found["classes_"] = setup.classes
        for name, value in found.items():
            setattr(self, name, value)
        if tree:
            tree.fit_ends()

    def _best(
        self, engine: Engine, place: tuple[int, int, int], results: Mapping[str, Any]
    ) -> dict[str, Any]:
        multimetric = bool(metric_names(self.scoring))
        if not self.refit and multimetric:
            return {}
        index = [row[:3] for row in rows(engine.history)].index(place)
        if callable(self.refit):
            index = _chosen(self.refit, results)
            score = {}
        else:
            score = {"best_score_": results[f"mean_test_{engine.problem.setup.rank_by}"][index]}
        return {"best_index_": index, "best_params_": results["params"][index]} | score

    def _refitted(
        self, engine: Engine, candidate_id: int, n_resources: int, tree: CallbackTree | None
    ) -> dict[str, Any]:
        start = time.perf_counter()
        winner = Winner(engine, engine.history.candidates[candidate_id])
        with tree.refitting() if tree else nullcontext():
            best_estimator, predictor = (
                winner.ensemble(is_classifier(self.estimator))
                if self.ensemble
                else winner.refitted(n_resources)
            )
        return {
            "best_estimator_": best_estimator,
            "_predictor": predictor,
            "refit_time_": time.perf_counter() - start,
        }

    def _counts(self, engine: Engine, plan: Plan) -> dict[str, Any]:
        done = [row for row in plan if engine.history.reached(row["bracket"], row["rung"])]
        counts = [len(engine.history.reached(row["bracket"], row["rung"])) for row in done]
        resources = [row["n_resources"] for row in done]
        return {
            "n_resources_": resources,
            "n_candidates_": counts,
            "n_remaining_candidates_": -(-counts[-1] // self.factor),
            "n_iterations_": len(done),
            "n_required_iterations_": 1 + n_cuts(counts[0], self.factor),
            "n_possible_iterations_": 1 + n_cuts(resources[-1], self.factor, resources[0]),
            "min_resources_": resources[0],
            "max_resources_": self._max_resources(),
        }

    def _features(self, gate: Gate | None, X: Any, best_estimator: Any) -> dict[str, Any]:
        names = ("n_features_in_", "feature_names_in_")
        source = gate if gate is not None and hasattr(gate, names[0]) else best_estimator
        if source is not None and hasattr(source, names[0]):
            return {"_gate": gate} | {n: getattr(source, n) for n in names if hasattr(source, n)}
        try:
            return {"_gate": gate, names[0]: _num_features(X)}
        except TypeError:  # rows without a number of features, such as texts
            return {"_gate": gate}

    # What the settings say.

    def _max_resources(self) -> int:
        given = self.max_resources
        return int(final_step(self.estimator)[1].max_epochs if given == "auto" else given)

    def _scorer(self) -> Any:
        return check_scoring(self.estimator, scoring=self.scoring)

    def _rank_by(self) -> str:
        names = metric_names(self.scoring)
        if isinstance(self.refit, str) and (names or callable(self.scoring)):
            return self.refit
        return names[0] if names else "score"

    def _classes(self, y: Any) -> Any:
        if not is_classifier(self.estimator):
            return None
        return np.unique(y) if type_of_target(y) in ("binary", "multiclass") else None

    def _callback_tree(self, plan: Plan, **data: Any) -> CallbackTree | None:
        if not getattr(self, "_skl_callbacks", None):
            return None
        return CallbackTree(self, len(plan), bool(self.refit), **data)

    def _routed(
        self, params: Mapping[str, Any], scorer: Any
    ) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """Return what goes to the estimator, to the splitter and to the scorer."""
        if get_config()["enable_metadata_routing"]:
            routed = process_routing(self, "fit", **params)
            return routed.estimator.fit, routed.splitter.split, routed.scorer.score
        fit = {name: value for name, value in params.items() if name != "groups"}
        score = {}
        if fit.get("sample_weight") is not None and _accepts_weight(scorer):
            score["sample_weight"] = fit["sample_weight"]
        return fit, {"groups": params.get("groups")}, score

    def get_metadata_routing(self) -> MetadataRouter:
        """Return where metadata goes: to the estimator, the scorer and the splitter."""
        once = MethodMapping().add(caller="fit", callee="fit")
        scoring = MethodMapping().add(caller="score", callee="score")
        splitting = MethodMapping().add(caller="fit", callee="split")
        return (
            MetadataRouter(owner=type(self).__name__)
            .add(estimator=self.estimator, method_mapping=once)
            .add(scorer=self._scorer(), method_mapping=scoring.add(caller="fit", callee="score"))
            .add(splitter=self.cv, method_mapping=splitting)
        )

    def __sklearn_tags__(self) -> Any:
        tags, inner = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.estimator_type = inner.estimator_type
        tags.classifier_tags = inner.classifier_tags
        tags.regressor_tags = inner.regressor_tags
        tags.target_tags = inner.target_tags
        tags.input_tags.pairwise = inner.input_tags.pairwise
        tags.input_tags.sparse = inner.input_tags.sparse
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "cv_results_")

    # What the best estimator does.

    def _ask(self, method: str, X: Any) -> Any:
        check_is_fitted(self)
        X = X if self._gate is None else self._gate.enter(X)
        return getattr(self._predictor, method)(X)

    @available_if(_delegated("predict"))
    def predict(self, X: Any) -> Any:
        """Return the predictions of the best estimator.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        return self._ask("predict", X)

    @available_if(_delegated("predict_proba"))
    def predict_proba(self, X: Any) -> Any:
        """Return the class probabilities of the best estimator.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        return self._ask("predict_proba", X)

    def score(self, X: Any, y: Any = None, **params: Any) -> float:
        """Return the score of the best estimator, by the metric it was chosen by.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,), default=None
            Their targets.
        **params : dict
            Metadata for the scorer; needs metadata routing to be enabled.

        Returns
        -------
        score : float
        """
        _delegated("score")(self)
        check_is_fitted(self)
        if params:
            params = process_routing(self, "score", **params).scorer.score
        X = X if self._gate is None else self._gate.enter(X)
        scorer = self.scorer_
        if isinstance(scorer, dict):
            return float(scorer[self._rank_by()](self._predictor, X, y, **params))
        value = scorer(self._predictor, X, y, **params)
        return float(value[self._rank_by()] if isinstance(value, Mapping) else value)


def _is_auto(given: Any) -> bool:
    return isinstance(given, str) and given == "auto"


def _root_seed(random_state: Any) -> int:
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.RandomState):
        return int(check_random_state(random_state).randint(2**31))
    return int(random_state)


def _accepts_weight(scorer: Any) -> bool:
    accepts = getattr(scorer, "_accept_sample_weight", None)
    return accepts is not None and bool(accepts())


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


def _warn_of_failures(errors: Sequence[str], n_runs: int) -> None:
    warnings.warn(
        f"{len(errors)} of {n_runs} runs failed; the others are unharmed, and "
        f"`cv_results_['error']` has the reasons:\n{count_causes(errors)}",
        FitFailedWarning,
        stacklevel=4,
    )
