"""What single samplers add to the law suite: random and grid; and from what names they come."""

import sys

import pytest
from scipy.stats import uniform
from sklearn.model_selection import ParameterGrid, ParameterSampler

from sktune.candidates import History
from sktune.exceptions import InvalidSettingsError
from sktune.samplers import GridSampler, RandomSampler, sampler_for
from sktune.space import Int, Space
from tests.samplers.laws import FINITE, DrawingLaws, SamplerLaws, recorded


class OnlyDraws:
    """A distribution of the user's own, as scikit-learn takes it."""

    def rvs(self, random_state=None):
        return random_state.rand()


class WithQuantiles(OnlyDraws):
    def ppf(self, q):
        return q

    def cdf(self, x):
        return x


class TestRandomSampler(DrawingLaws):
    def sampler(self, space, seed=0):
        return RandomSampler(Space(space), seed)

    def test_it_draws_what_scikit_learn_draws(self):
        space = {"a": uniform(0, 1), "b": ["x", "y"]}
        found = recorded(RandomSampler(Space(space), seed=3), [9])
        assert found == list(ParameterSampler(space, 9, random_state=3))

    def test_settings_that_are_rarely_drawn_are_found_too(self):
        space = {name: Int(1, 5, log=True) for name in "abc"}
        assert len(recorded(self.sampler(space, seed=4), [200])) == 5**3


class TestGridSampler(SamplerLaws):
    space = FINITE

    def sampler(self, space, seed=0):
        return GridSampler(Space(space))

    def test_it_keeps_scikit_learns_order(self):
        assert recorded(self.sampler(FINITE), [14]) == list(ParameterGrid(FINITE))

    def test_distributions_are_refused(self):
        with pytest.raises(InvalidSettingsError, match="list the values"):
            GridSampler(Space({"a": uniform(0, 1)}))


class TestSamplerFor:
    @pytest.mark.parametrize("name", ["sobol", "tpe", "gp", "cma"])
    def test_distributions_that_only_draw_are_refused_by_name(self, name):
        with pytest.raises(InvalidSettingsError, match="`odd`="):
            sampler_for(name, Space({"even": [1], "odd": OnlyDraws()}), seed=0)

    def test_distributions_that_only_draw_are_drawn_from(self):
        found = sampler_for("random", Space({"odd": OnlyDraws()}), seed=0).propose(3, History())
        assert all(0 <= params["odd"] < 1 for params in found)

    @pytest.mark.parametrize("name", ["random", "sobol", "tpe"])
    def test_a_users_distribution_with_quantiles_is_drawn_from(self, name):
        found = sampler_for(name, Space({"odd": WithQuantiles()}), seed=0).propose(3, History())
        assert all(0 <= params["odd"] < 1 for params in found)

    @pytest.mark.parametrize("name", ["tpe", "gp", "cma"])
    def test_without_optuna_the_extra_is_named(self, name, monkeypatch):
        monkeypatch.setitem(sys.modules, "optuna", None)
        for module in ("sktune.samplers.model", "sktune.samplers.axes"):
            monkeypatch.delitem(sys.modules, module, raising=False)
        with pytest.raises(InvalidSettingsError, match=rf"`sampler`='{name}'.*sktune\[optuna\]"):
            sampler_for(name, Space(FINITE), seed=0)

    def test_without_cmaes_the_extra_is_named(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "cmaes", None)
        with pytest.raises(InvalidSettingsError, match=r"`sampler`='cma'.*sktune\[optuna\]"):
            sampler_for("cma", Space(FINITE), seed=0)

    @pytest.mark.parametrize("name", ["random", "grid", "sobol"])
    def test_without_optuna_the_others_work(self, name, monkeypatch):
        monkeypatch.setitem(sys.modules, "optuna", None)
        monkeypatch.delitem(sys.modules, "sktune.samplers.model", raising=False)
        assert len(sampler_for(name, Space(FINITE), seed=0).propose(3, History())) == 3

    def test_an_object_of_the_users_own_is_taken_as_it_is(self):
        own = GridSampler(Space(FINITE))
        assert sampler_for(own, Space(FINITE), seed=0) is own
