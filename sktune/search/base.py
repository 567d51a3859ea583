"""What all searches share: from ``fit(X, y)`` to the fitted attributes, and delegation."""

import math
import warnings
from abc import ABCMeta, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple, Self

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, MetaEstimatorMixin, is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.validation import _num_samples

from sktune.candidates import Seeds
from sktune.engine import INTERRUPTED, Engine, Observer, Problem, Rows
from sktune.exceptions import (
    AllRunsFailedError,
    InvalidSettingsError,
    SharedPathWarning,
    StorageError,
    refuse,
)
from sktune.execution import Executor, stopping_in_order
from sktune.journal import Storage
from sktune.runs import (
    Setup,
    class_labels,
    is_raw,
    reads_predictions_only,
    refuse_untrainable,
    shared_paths,
    transforms_targets,
    untraced_parameters,
)
from sktune.samplers import sampler_for
from sktune.schedules import Plan, Schedule
from sktune.search.checks import class_mistakes, setting_mistakes, space_mistakes, worker_mistakes
from sktune.search.conclusion import Conclusion, features
from sktune.search.data_checks import data_mistakes
from sktune.search.delegation import Delegating
from sktune.search.inputs import checked_inputs, listed_numbers
from sktune.search.interruption import interruptible
from sktune.search.printing import RungPrinter, live_or
from sktune.search.progress import CallbackSupportMixin, CallbackTree, with_callbacks
from sktune.search.resources import (
    CONTINUED,
    Extent,
    Limits,
    continued_path,
    known_splits,
    limits,
    resource_of,
    trainer_for,
)
from sktune.search.storing import storage_of
from sktune.search.viewing import Viewing
from sktune.space import Space, final_step, suggest_space

_N_TRIED = 50
Splits = Sequence[tuple[Rows, Rows]]


class Routed(NamedTuple):
    """What of the parameters of ``fit`` goes to the estimator, the splitter and the scorer."""

    fit: dict[str, Any]
    split: dict[str, Any]
    score: dict[str, Any]


class BaseSearch(
    Viewing, Delegating, MetaEstimatorMixin, CallbackSupportMixin, BaseEstimator, metaclass=ABCMeta
):
    """The scikit-learn face of a search; a kind of search adds its schedule."""

    @abstractmethod
    def _schedule(self, space: Space, limits: Limits, n_splits: int) -> Schedule:
        """Return the rule of the search."""

    @abstractmethod
    def _mistakes(self) -> Iterator[str]:
        """Yield a line for each setting of its own that cannot work."""

    def plan(self) -> Plan:
        """Return the rungs, before anything is trained.

        Returns
        -------
        plan : Plan
            Rows with ``bracket``, ``rung``, ``n_candidates``, ``n_resources`` and ``epochs``
            (trained at that rung on each fold); its ``repr`` is a table.

        Raises
        ------
        InvalidSettingsError
            If settings cannot work, or only data could tell; all of them at once.
        """
        space, n_splits = self._checked_space(), known_splits(self.cv)
        if n_splits is None and getattr(self, "fold_schedule", "all") != "all":
            raise InvalidSettingsError(
                f"Only data can tell how many folds `cv`={self.cv!r} makes, on which the plan of "
                f"`fold_schedule`={self.fold_schedule!r} depends: fit, and look at `plan_`."
            )
        return self._planned(space, Extent(n_splits or 1))

    def _planned(self, space: Space, extent: Extent) -> Plan:
        resource = resource_of(self)
        plan = self._schedule(space, limits(self, extent), extent.n_splits).plan
        return plan if resource in CONTINUED else plan.in_units_of(resource)

    @with_callbacks
    @interruptible
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
            fold, and to the rows that samplers select; ``groups`` goes to the splitter. With
            metadata routing enabled, each goes where it was requested.

        Returns
        -------
        self : estimator

        Raises
        ------
        InvalidSettingsError
            If settings cannot work; all of them at once, before anything is trained.
        StorageError
            If ``storage`` is in use, damaged, of another search, or cannot be written.
        AllRunsFailedError
            If every candidate has failed.
        SearchInterrupt
            At Ctrl-C; a KeyboardInterrupt that says how to go on. All attributes but the
            estimator are those of the best so far.
        RefitFailedError
            If the best candidate cannot be refitted; all attributes but the estimator are there.
        """
        space = self._checked_space()
        X, y = checked_inputs(self, listed_numbers(X) if self._is_users_net else X, y)
        routed = self._routed(params, self._scorer())
        routing = get_config()["enable_metadata_routing"]
        refuse(untraced_parameters(self.estimator, X, routed.fit, routing))
        splits = self._splits(X, y, routed.split)
        classes = self._classes(y)
        n_classes = None if classes is None else len(classes)
        extent = Extent(len(splits), _num_samples(X), n_classes)
        low, high = limits(self, extent)
        plan = self._planned(space, extent)
        problem = self._problem(X, y, splits, routed, high)
        refuse(data_mistakes(self, problem, space))
        self._look_first(problem, space)
        with stopping_in_order(), storage_of(self, problem, plan) as storage:
            if storage is not None:
                problem = replace(problem, seeds=Seeds(storage.seed))
            tree = self._callback_tree(plan, X=X, y=y, metadata=params or None)
            engine = self._searched(problem, space, extent, tree, storage)
            if engine.stop_reason == INTERRUPTED:
                self._keep_best_so_far(engine, plan, low)
                raise KeyboardInterrupt
            if tree:
                tree.search_ends()
            self._conclude(engine, plan, low, tree)
        return self

    def _checked_space(self) -> Space:
        refuse(class_mistakes(self))
        refuse([*setting_mistakes(self), *self._mistakes()])
        given = self.param_distributions
        space = Space(suggest_space(self.estimator) if _is_auto(given) else given)
        space.check_names(self.estimator)
        refuse(space_mistakes(space, self))
        return space

    def _splits(self, X: Any, y: Any, params: Mapping[str, Any]) -> Splits:
        cv = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        return [(np.asarray(a), np.asarray(b)) for a, b in cv.split(X, y, **params)]

    def _problem(self, X: Any, y: Any, splits: Splits, routed: "Routed", horizon: int) -> Problem:
        scorer = self._scorer()
        setup = Setup(
            self.estimator,
            scorer,
            horizon=horizon,
            refit=None if callable(self.refit) else self.refit,
            classes=self._classes(y),
            return_train_score=self.return_train_score,
        )
        return Problem(
            setup,
            continued_path(self),
            X,
            y,
            splits=splits,
            seeds=Seeds(_root_seed(self.random_state)),
            n_rows=_num_samples(X),
            # Whether a step wants the scorer's metadata, only the whole pipeline knows.
            whole_pipeline=bool(routed.score)
            or not reads_predictions_only(scorer)
            or transforms_targets(self.estimator),
            fit_params=routed.fit,
            score_params=routed.score,
        )

    def _look_first(self, problem: Problem, space: Space) -> None:
        """Say what can be known of a user's net before it is trained."""
        net = final_step(self.estimator)[1]
        for path in shared_paths(net) if is_raw(net) else ():
            warnings.warn(path, SharedPathWarning, stacklevel=5)
        if self._is_users_net and not problem.fit_params:
            draws = islice(space.draws(0), _N_TRIED)
            refuse_untrainable(problem.setup, problem.X, problem.y, draws)

    def _searched(
        self,
        problem: Problem,
        space: Space,
        extent: Extent,
        tree: CallbackTree | None,
        storage: Storage | None,
    ) -> Engine:
        schedule = self._schedule(space, limits(self, extent), extent.n_splits)
        with Executor(self.n_jobs) as executor, self._printed(schedule.plan) as observers:
            refuse(worker_mistakes(self, executor.has_processes))
            setup = replace(
                problem.setup, worker_folder=executor.folder, n_workers=executor.n_workers
            )
            engine = Engine(
                replace(problem, setup=setup),
                sampler_for(self.sampler, space, problem.seeds.root),
                schedule,
                trainer_for(self, extent),
                executor,
                [*observers, *([tree] if tree else [])],
                storage,
                raise_errors=self.error_score == "raise",
                time_budget=math.inf if self.time_budget is None else float(self.time_budget),
                run_timeout=self.run_timeout,
                max_retries=int(self.max_retries),
                refits_best=bool(self.refit) and not callable(self.refit) and not self.ensemble,
            )
            try:
                engine.run()
            except StorageError:
                self._keep_history(engine)
                raise
        return engine

    def _keep_history(self, engine: Engine) -> None:
        """Keep what was measured, if there is no result of an earlier fit."""
        if not hasattr(self, "cv_results_"):
            self.history_ = engine.history.records()

    @contextmanager
    def _printed(self, plan: Plan) -> Iterator[list[Observer]]:
        if not self.verbose:
            yield []
            return
        with live_or(self._printer(plan), plan, resource_of(self)) as printer:
            yield [printer]

    def _printer(self, plan: Plan) -> Observer:
        return RungPrinter(plan, resource_of(self))

    def _conclude(self, engine: Engine, plan: Plan, low: int, tree: CallbackTree | None) -> None:
        """Set the fitted attributes step by step: what was found stays if a later step fails."""
        conclusion = Conclusion(self, engine, plan, low)
        results = conclusion.results()
        self._forget_earlier_fit()
        self.__dict__.update(results)
        self.__dict__.update(conclusion.choice(results))
        if self.refit:
            with tree.refitting() if tree else nullcontext():
                self.__dict__.update(conclusion.refitted(self.best_index_))
        self.__dict__.update(features(engine.problem.X, getattr(self, "best_estimator_", None)))
        if tree:
            tree.fit_ends()

    def _keep_best_so_far(self, engine: Engine, plan: Plan, low: int) -> None:
        """Set what fitted attributes there can be when a search was interrupted."""
        try:
            conclusion = Conclusion(self, engine, plan, low)
        except AllRunsFailedError:
            self._keep_history(engine)
            return
        results = conclusion.results()
        self._forget_earlier_fit()
        self.__dict__.update(results)
        with suppress(Exception):  # a `refit` callable may want what is not there yet
            self.__dict__.update(conclusion.choice(results))

    def _forget_earlier_fit(self) -> None:
        stale = [name for name in vars(self) if name.endswith("_") and not name.startswith("_")]
        for name in stale:
            del self.__dict__[name]

    # What the settings say.

    def _scorer(self) -> Any:
        # The order of a set differs from process to process.
        scoring = sorted(self.scoring) if isinstance(self.scoring, set) else self.scoring
        return check_scoring(self.estimator, scoring=scoring)

    def _classes(self, y: Any) -> Any:
        if not is_classifier(self.estimator):
            return None
        return class_labels(y)

    def _callback_tree(self, plan: Plan, **data: Any) -> CallbackTree | None:
        if not getattr(self, "_skl_callbacks", None):
            return None
        return CallbackTree(self, self._n_waves(plan), bool(self.refit), **data)

    def _n_waves(self, plan: Plan) -> int | None:
        return len(plan)

    def _routed(self, params: Mapping[str, Any], scorer: Any) -> "Routed":
        if get_config()["enable_metadata_routing"]:
            routed = process_routing(self, "fit", **params)
            return Routed(routed.estimator.fit, routed.splitter.split, routed.scorer.score)
        fit = {name: value for name, value in params.items() if name != "groups"}
        score = {}
        if fit.get("sample_weight") is not None and _accepts_weight(scorer):
            score["sample_weight"] = fit["sample_weight"]
        return Routed(fit, {"groups": params.get("groups")}, score)

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
        tags.input_tags.sparse = inner.input_tags.sparse or self._is_users_net
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "best_estimator_" if self.refit else "cv_results_")


def _is_auto(given: Any) -> bool:
    return isinstance(given, str) and given == "auto"


def _root_seed(random_state: Any) -> int:
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    return int(random_state)


def _accepts_weight(scorer: Any) -> bool:
    accepts = getattr(scorer, "_accept_sample_weight", None)
    return accepts is not None and bool(accepts())
