"""The law suite of samplers, and what each of them adds."""

import pytest
from scipy.stats import uniform
from sklearn.model_selection import ParameterGrid, ParameterSampler

from sktune.candidates import History
from sktune.exceptions import InvalidSettingsError
from sktune.samplers import GridSampler, RandomSampler
from sktune.space import Space

FINITE = {"a": list(range(7)), "b": ["x", "y"]}


def recorded(sampler, asked):
    """Return what is proposed when the sampler is asked for these numbers in turn."""
    history = History()
    for n in asked:
        for params in sampler.propose(n, history):
            history.propose(params, 0)
    return [candidate.params for candidate in history.candidates]


class SamplerLaws:
    def sampler(self):
        raise NotImplementedError

    def test_it_proposes_as_many_as_asked(self):
        assert len(recorded(self.sampler(), [5])) == 5

    def test_asking_in_parts_changes_nothing(self):
        assert recorded(self.sampler(), [3, 1, 4]) == recorded(self.sampler(), [8])

    def test_no_candidate_twice_and_an_end(self):
        found = recorded(self.sampler(), [10, 10])
        assert len(found) == 14
        assert all(params in found for params in ParameterGrid(FINITE))

    def test_the_history_is_only_read(self):
        history = History()
        self.sampler().propose(3, history)
        assert history.candidates == []


class TestRandomSampler(SamplerLaws):
    def sampler(self):
        return RandomSampler(Space(FINITE), seed=0)

    def test_it_draws_what_scikit_learn_draws(self):
        space = {"a": uniform(0, 1), "b": ["x", "y"]}
        found = recorded(RandomSampler(Space(space), seed=3), [9])
        assert found == list(ParameterSampler(space, 9, random_state=3))

    def test_another_seed_draws_others(self):
        other = RandomSampler(Space(FINITE), seed=1)
        assert recorded(self.sampler(), [8]) != recorded(other, [8])


class TestGridSampler(SamplerLaws):
    def sampler(self):
        return GridSampler(Space(FINITE))

    def test_it_keeps_scikit_learns_order(self):
        assert recorded(self.sampler(), [14]) == list(ParameterGrid(FINITE))

    def test_distributions_are_refused(self):
        with pytest.raises(InvalidSettingsError, match="list the values"):
            GridSampler(Space({"a": uniform(0, 1)}))
