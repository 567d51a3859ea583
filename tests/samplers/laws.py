"""The law suite of samplers: everything that proposes settings runs it."""

import copy
import functools
import math
import pickle
import random
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pytest
import torch
from scipy.stats import loguniform, uniform
from sklearn.model_selection import ParameterGrid, ParameterSampler

from sktune.candidates import History, Report
from sktune.space import Int

FINITE = {"a": list(range(7)), "b": ["x", "y"]}
MIXED = {
    "lr": loguniform(1e-4, 1e-1),
    "depth": Int(1, 5),
    "act": ["relu", "tanh"],
    "p": uniform(0, 0.5),
}
CASES = [
    {"a": [1, 2, 3, 4], "b": ["x", "y", None]},
    {"a": [5, 6], "c": [[1], [1, 2], []]},
    {"d": [True]},
]
OPEN_CASES = [
    {"x": uniform(0, 1)},
    {"x": loguniform(2, 8), "y": Int(1, 9, log=True), "z": ["a", None]},
]
SAME_NAMES = [{"a": [1, 2, 3, 4, 5, 6, 7]}, {"a": ["x", "y", "z", "u", "v", "w"]}]


def chance(params):
    return random.Random(repr(sorted(params.items()))).random()


def report(candidate_id, score, *, bracket=0, rung=0, n_resources=1):
    status = "ok" if math.isfinite(score) else "failed"
    return Report(candidate_id, 0, bracket, rung, n_resources, score, status=status)


def judge(history, score=chance):
    """Let all candidates report on their first rung."""
    for candidate in history.candidates:
        history.add(report(candidate.candidate_id, score(candidate.params)))
    return history


def known(space, n, score=chance):
    """Return a history of n settings drawn by scikit-learn, with a result each."""
    history = History()
    for params in ParameterSampler(space, n, random_state=1):
        history.propose(params, 0)
    return judge(history, score)


def recorded(sampler, asked, history=None):
    """Return what is proposed when the sampler is asked for these numbers in turn."""
    history = History() if history is None else history
    n_known = len(history.candidates)
    for n in asked:
        for params in sampler.propose(n, history):
            history.propose(params, 0)
    return [candidate.params for candidate in history.candidates[n_known:]]


def is_within(params, part):
    """Whether these are the names of a case, with values that it allows."""

    def allows(dimension, value):
        if isinstance(dimension, Sequence):
            return value in dimension
        is_int = isinstance(dimension, Int)
        low, high = (dimension.low, dimension.high) if is_int else dimension.support()
        return low <= value <= high and (not is_int or value == int(value))

    return params.keys() == part.keys() and all(allows(part[k], v) for k, v in params.items())


def random_states():
    """Return the states of all that is random in the process."""
    _, keys, position, *gauss = np.random.get_state()
    return random.getstate(), keys.tolist(), position, gauss, torch.get_rng_state().tolist()


class Seen(NamedTuple):
    proposed: list
    history: History
    before: dict
    states: list


@functools.cache  # a Gaussian process takes its time
def asked_once(laws):
    """Return what is to be seen when a sampler is asked for settings after 13 results."""
    sampler, history = laws().sampler(laws.space), known(laws.space, 13)
    before, states = copy.deepcopy(vars(history)), random_states()
    proposed = sampler.propose(1, history)
    return Seen(proposed, history, before, [states, random_states()])


class SamplerLaws:
    """A subclass gives ``sampler``; ``space`` is what it is mostly tried on."""

    space = MIXED

    def sampler(self, space, seed=0):
        raise NotImplementedError

    @pytest.mark.parametrize("n", [0, 1, 5])
    def test_it_proposes_as_many_as_asked(self, n):
        assert len(recorded(self.sampler(FINITE), [n])) == n

    def test_asking_in_parts_changes_nothing(self):
        parts = recorded(self.sampler(self.space), [3, 1, 4])
        assert parts == recorded(self.sampler(self.space), [8])

    def test_no_candidate_twice_and_an_end(self):
        found = recorded(self.sampler(FINITE), [10, 10])
        assert len(found) == 14
        assert all(params in found for params in ParameterGrid(FINITE))

    def test_after_results_no_candidate_twice_and_an_end(self):
        history = known(FINITE, 11)
        assert len(recorded(self.sampler(FINITE), [2, 9], history)) == 3
        found = [candidate.params for candidate in history.candidates]
        assert all(params in found for params in ParameterGrid(FINITE))

    def test_after_results_the_proposals_are_new_and_within_the_space(self):
        seen = asked_once(type(self))
        (params,) = seen.proposed
        assert is_within(params, self.space)
        assert params not in [candidate.params for candidate in seen.history.candidates]

    def test_the_history_is_only_read(self):
        seen = asked_once(type(self))
        assert vars(seen.history) == seen.before

    def test_the_random_states_of_the_process_are_left_alone(self):
        before, after = asked_once(type(self)).states
        assert before == after

    def test_the_same_history_makes_the_same_proposals(self):
        again = self.sampler(self.space).propose(1, known(self.space, 13))
        assert again == asked_once(type(self)).proposed

    def test_a_new_sampler_goes_on_where_the_old_one_was(self):
        old, history = self.sampler(self.space), History()
        recorded(old, [5, 7], history)
        judge(history)
        left = pickle.loads(pickle.dumps(history))
        assert self.sampler(self.space).propose(2, left) == old.propose(2, history)

    def test_every_proposal_is_of_one_case(self):
        found = recorded(self.sampler(CASES), [12])
        found += recorded(self.sampler(CASES), [2], known(CASES, 15))
        assert all(params in list(ParameterGrid(CASES)) for params in found)

    def test_cases_of_the_same_names_are_all_proposed(self):
        history = known(SAME_NAMES, 11)
        recorded(self.sampler(SAME_NAMES), [2], history)
        found = [candidate.params for candidate in history.candidates]
        assert all(params in found for params in ParameterGrid(SAME_NAMES))


class DrawingLaws(SamplerLaws):
    """What holds beside of samplers that draw."""

    def test_another_seed_draws_others(self):
        first, other = (self.sampler(MIXED, seed) for seed in (0, 1))
        assert recorded(first, [8]) != recorded(other, [8])

    def test_every_proposal_is_of_one_case_of_distributions(self):
        drawn = recorded(self.sampler(OPEN_CASES), [12])
        assert {*map(len, drawn)} == {1, 3}
        for params in drawn + recorded(self.sampler(OPEN_CASES), [2], known(OPEN_CASES, 17)):
            assert any(is_within(params, case) for case in OPEN_CASES)

    def test_a_long_history_is_no_end(self):
        space = {"a": uniform(0, 1)}
        history = History()
        recorded(self.sampler(space), [1100], history)
        assert len(self.sampler(space).propose(1, history)) == 1

    def test_a_value_that_is_nan_is_proposed_once(self):
        space = {"a": np.array([np.nan, *range(11)])}
        history = known(space, 11)
        assert len(recorded(self.sampler(space), [2], history)) == 1
