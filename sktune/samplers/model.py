"""Bayesian optimisation: Optuna's samplers, asked for settings and told the scores of a rung.

The model is fitted on the highest rung that has enough results, as in BOHB (Falkner, Klein and
Hutter, ICML 2018). Every proposal is a function of the history alone: the study is made anew from
it, so that it does not matter in how many parts or processes a search was run.
"""

import copy
import itertools
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, TPESampler
from optuna.trial import FrozenTrial, Trial, create_trial

from sktune.candidates import Candidate, History, Params, Place, Seeds
from sktune.samplers.axes import Axis, axes_of
from sktune.samplers.protocol import unseen
from sktune.space import Space

Make = Callable[[int, list[FrozenTrial]], BaseSampler]
_CASE = "case"
_VAIN_DRAWS = 200
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
    return CmaEsSampler(seed=seed, source_trials=trials, warn_independent_sampling=False)


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
        self._patience = max(_VAIN_DRAWS, 8 * (space.size or 0))

    def propose(self, n_candidates: int, history: History) -> Sequence[Params]:
        """Return settings that the model prefers, and some random ones among them."""
        trials = self._trials(history)
        if not trials:
            return unseen(self._draws, n_candidates, history, self._patience)
        with _quiet():
            study = optuna.create_study(
                sampler=self._make(self._seeds.derive("model", len(history.candidates)), trials),
                direction="maximize",
            )
            study.add_trials(trials)
            asked = self._mixed(study, len(history.candidates))
            return unseen(asked, n_candidates, history, self._patience)

    def _mixed(self, study: optuna.Study, first: int) -> Iterator[Params]:
        for number in itertools.count(first):
            if number % _RANDOM_ONE_IN:
                yield self._suggested(study.ask())
            else:
                yield from itertools.islice(self._draws, 1)

    # Told.

    def _trials(self, history: History) -> list[FrozenTrial]:
        """Return the results of the highest level that has enough of them."""
        for level in history.levels():
            places = [Place(c, *key) for key in level for c in history.reached(*key)]
            standings = {place: history.standing(place) for place in places}
            scores = [standing.score for standing in standings.values() if standing is not None]
            if len(scores) >= self._enough:
                # A run that failed is worth as little as the worst that did not.
                worst = min(scores)
                return [
                    self._trial(history.candidates[place.candidate_id], s.score if s else worst)
                    for place, s in standings.items()
                ]
        return []

    def _trial(self, candidate: Candidate, score: float) -> FrozenTrial:
        params, names = candidate.params, candidate.params.keys()
        case = next(k for k, axes in enumerate(self._cases) if axes.keys() == names)
        axes = self._named(case)
        inner: dict[str, Any] = {key: axis.inner(params[name]) for key, name, axis in axes}
        distributions = {key: axis.distribution for key, _, axis in axes}
        if len(self._cases) > 1:
            inner[_CASE], distributions[_CASE] = case, CategoricalDistribution(self._numbers)
        return create_trial(params=inner, distributions=distributions, value=score)

    # Asked.

    def _suggested(self, trial: Trial) -> dict[str, Any]:
        case = trial.suggest_categorical(_CASE, self._numbers) if len(self._cases) > 1 else 0
        return {name: axis.outer(axis.suggest(trial, key)) for key, name, axis in self._named(case)}

    @property
    def _numbers(self) -> Sequence[int]:
        return range(len(self._cases))

    def _named(self, case: int) -> list[tuple[str, str, Axis]]:
        """Return (name for the model, name, axis): what two cases share is modelled apart."""
        return [(f"{case}:{name}", name, axis) for name, axis in self._cases[case].items()]


def _copies_of(sampler: BaseSampler) -> Make:
    own = copy.deepcopy(sampler)
    return lambda seed, trials: own


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna from telling of each study, and of features that it may change."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(level)
