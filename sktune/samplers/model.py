"""Bayesian optimisation: Optuna's samplers, asked for settings and told the scores of a rung.

The model is fitted on the highest rung that has enough results, as in BOHB (Falkner, Klein and
Hutter, ICML 2018). Every proposal is a function of the history alone: the study is made anew from
it, so that it does not matter in how many parts or processes a search was run.
"""

import copy
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from sktune.candidates import Candidate, History, Params, RungKey, Seeds
from sktune.samplers.axes import Axis, axes_of
from sktune.samplers.protocol import Unseen, unseen
from sktune.space import Space

Make = Callable[[int, list[FrozenTrial]], BaseSampler]
_CASE = "case"
_VAIN_DRAWS, _VAIN_ASKS = 1000, 20
# Of so many settings one is drawn at random, lest a model that errs is never put right.
_RANDOM_ONE_IN = 4


def tpe(seed: int, trials: list[FrozenTrial]) -> BaseSampler:
    """Return Optuna's tree-structured Parzen estimator, over all axes jointly."""
    return TPESampler(
        seed=seed, multivariate=True, group=True, constant_liar=True, n_startup_trials=0
    )


def gp(seed: int, trials: list[FrozenTrial]) -> BaseSampler:
    """Return Optuna's Gaussian process."""
    return GPSampler(seed=seed, n_startup_trials=0, warn_independent_sampling=False)


def cma(seed: int, trials: list[FrozenTrial]) -> BaseSampler:
    """Return CMA-ES, warm-started by the trials (Nomura et al., AAAI 2021)."""
    numbers = [_numbers_of(trial) for trial in trials if trial.state.is_finished()]
    if not any(trial.distributions for trial in numbers):
        return RandomSampler(seed)
    return CmaEsSampler(seed=seed, source_trials=numbers, warn_independent_sampling=False)


def _numbers_of(trial: FrozenTrial) -> FrozenTrial:
    kinds = {
        name: kind
        for name, kind in trial.distributions.items()
        if not (isinstance(kind, CategoricalDistribution) or kind.single())
    }
    params = {name: trial.params[name] for name in kinds}
    return create_trial(params=params, distributions=kinds, value=trial.value)


MODELS: Mapping[str, Make] = {"tpe": tpe, "gp": gp, "cma": cma}


class ModelSampler:
    """Proposes what a model expects to score well; at random until there is one.

    Parameters
    ----------
    space : Space
        What may be tried; lists of numbers in order count as ordered.
    seed : int
        Source of every draw.
    make : callable or BaseSampler of Optuna
        From a seed and past trials to a sampler of Optuna, or a sampler, of which a copy is used
        throughout.

    Raises
    ------
    InvalidSettingsError
        If of a distribution only draws can be had.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sktune.candidates import History
    >>> sampler = ModelSampler(Space({"lr": loguniform(1e-4, 1e-1)}), seed=0, make=tpe)
    >>> len(sampler.propose(3, History()))
    3
    """

    learns = True

    def __init__(self, space: Space, seed: int, make: Make | BaseSampler) -> None:
        self._cases = [axes_of(part) for part in space.parts]
        self._seeds = Seeds(seed)
        self._draws = space.draws(seed)
        self._make = make if callable(make) else _copies_of(make)
        # A model of d numbers needs some more points than that.
        self._enough = max(10, max(map(len, self._cases)) + 3)
        self._size = space.size
        self._patience = max(_VAIN_DRAWS, 20 * (self._size or 0))

    def propose(self, n_candidates: int, history: History) -> Sequence[Params]:
        """Return settings that the model prefers, and some random ones among them."""
        trials = self._trials(history)
        if not trials:
            return unseen(self._draws, n_candidates, history, self._patience)
        with _quiet():
            asked = self._asked(len(history.candidates), trials)
            return self._mixed(asked, n_candidates, history)

    def _mixed(self, asked: Iterator[Params], n_candidates: int, history: History) -> list[Params]:
        new, found = Unseen(history), list[Params]()
        for number in range(len(new), len(new) + n_candidates):
            is_left = self._size is None or len(new) < self._size
            is_models = is_left and number % _RANDOM_ONE_IN > 0
            params = new.first(asked, _VAIN_ASKS) if is_models else None
            params = params or new.first(self._draws, self._patience + len(new))
            if params is None:
                break
            found.append(params)
        return found

    def _asked(self, n_known: int, trials: list[FrozenTrial]) -> Iterator[Params]:
        sampler = self._make(self._seeds.derive("model", n_known), trials)
        study = optuna.create_study(sampler=sampler, direction="maximize")
        study.add_trials(trials)
        while True:
            yield self._suggested(study.ask())

    # Told.

    def _trials(self, history: History) -> list[FrozenTrial]:
        """Return the results of the highest level that has enough of them, and what is pending."""
        for level in history.levels():
            places = [RungKey(c, *key) for key in level for c in history.reached(*key)]
            standings = {place.candidate_id: history.standing(place) for place in places}
            scores = {c: s.score for c, s in standings.items() if s is not None}
            if len(scores) >= self._enough:
                return [*self._finished(history, scores), *self._pending(history)]
        return []

    def _finished(self, history: History, scores: Mapping[int, float]) -> Iterator[FrozenTrial]:
        # A candidate that failed is worth as little as the worst that did not.
        worst = min(scores.values())
        failed = {report.candidate_id: worst for report in history if report.status != "ok"}
        for candidate_id, score in {**scores, **failed}.items():
            yield self._trial(history.candidates[candidate_id], score)

    def _pending(self, history: History) -> Iterator[FrozenTrial]:
        reported = {place.candidate_id for place in history.completed}
        for candidate in history.candidates:
            if candidate.candidate_id not in reported:
                yield self._trial(candidate, None)

    def _trial(self, candidate: Candidate, score: float | None) -> FrozenTrial:
        params = candidate.params
        case = next(k for k, axes in enumerate(self._cases) if _holds(axes, params))
        axes = self._named(case)
        inner: dict[str, Any] = {key: axis.inner(params[name]) for key, name, axis in axes}
        distributions = {key: axis.distribution for key, _, axis in axes}
        if len(self._cases) > 1:
            inner[_CASE], distributions[_CASE] = case, CategoricalDistribution(self._numbers)
        state = TrialState.RUNNING if score is None else TrialState.COMPLETE
        return create_trial(params=inner, distributions=distributions, value=score, state=state)

    # Asked.

    def _suggested(self, trial: Trial) -> dict[str, Any]:
        case = trial.suggest_categorical(_CASE, self._numbers) if len(self._cases) > 1 else 0
        return {name: axis.outer(axis.suggest(trial, key)) for key, name, axis in self._named(case)}

    @property
    def _numbers(self) -> Sequence[int]:
        return range(len(self._cases))

    def _named(self, case: int) -> list[tuple[str, str, Axis]]:
        """Return (name for the model, name, axis): what two cases share is modelled apart."""
        prefix = f"{case}:" if len(self._cases) > 1 else ""
        return [(prefix + name, name, axis) for name, axis in self._cases[case].items()]


def _holds(axes: Mapping[str, Axis], params: Params) -> bool:
    return axes.keys() == params.keys() and all(a.holds(params[name]) for name, a in axes.items())


def _copies_of(sampler: BaseSampler) -> Make:
    own = copy.deepcopy(sampler)
    return lambda seed, trials: own


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna from telling of each study, and of features that it may change."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(max(level, optuna.logging.ERROR))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(level)
