"""What samplers with a model add to the law suite: they learn, and keep quiet about it."""

import subprocess
import sys
from numbers import Integral

import numpy as np
import optuna
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import expon, norm, poisson, uniform
from sklearn.model_selection import ParameterGrid, ParameterSampler

from sktune.candidates import History
from sktune.samplers import learns, sampler_for
from sktune.space import Float, Int, Space
from tests.samplers.laws import FINITE, MIXED, DrawingLaws, known, recorded, report

SQUARE = {"x": uniform(0, 1), "y": Float(0, 1)}
# The mean over the unit square of the squared distance to (0.2, 0.2).
AT_RANDOM = 2 * (1 / 12 + 0.3**2)
# A Gaussian process takes half a second for each setting, and one in four is drawn at random.
N_ASKED = {"tpe": 20, "cma": 20, "gp": 3}
MODELS = list(N_ASKED)


def regret(params):
    return (params["x"] - 0.2) ** 2 + (params["y"] - 0.2) ** 2


def proposed(name, history, space=SQUARE, n=None):
    return sampler_for(name, Space(space), seed=0).propose(n or N_ASKED[name], history)


def mean_regret(name, history):
    return np.mean([regret(params) for params in proposed(name, history)])


def climbed(n, low, high, is_promoted):
    """Return a history of two rungs: all candidates report on one, the promoted on both."""
    history = known(SQUARE, n, low)
    for c in history.candidates:
        if is_promoted(c):
            history.add(report(c.candidate_id, high(c.params), rung=1, n_resources=3))
    return history


class ModelLaws(DrawingLaws):
    def sampler(self, space, seed=0):
        return sampler_for(self.given, Space(space), seed)

    def test_it_learns(self):
        assert learns(self.given)
        assert self.sampler(FINITE).learns

    def test_without_results_it_draws_what_scikit_learn_draws(self):
        found = recorded(self.sampler(MIXED, seed=3), [9])
        assert found == list(ParameterSampler(MIXED, 9, random_state=3))

    def test_optunas_verbosity_is_put_back(self):
        level = optuna.logging.get_verbosity()
        try:
            optuna.logging.set_verbosity(optuna.logging.DEBUG)
            self.sampler(SQUARE).propose(1, known(SQUARE, 13))
            assert optuna.logging.get_verbosity() == optuna.logging.DEBUG
        finally:
            optuna.logging.set_verbosity(level)


class TestTPE(ModelLaws):
    given = "tpe"


class TestCMA(ModelLaws):
    given = "cma"


class TestGP(ModelLaws):
    given = "gp"
    # Asked for settings that it has seen, at its pace, it would take a minute.
    test_after_results_no_candidate_twice_and_an_end = None


class TestUsersSampler(ModelLaws):
    given = optuna.samplers.TPESampler(seed=5)

    class Stubborn(optuna.samplers.RandomSampler):
        """Suggests the same setting for ever, and takes notes."""

        def __init__(self):
            super().__init__()
            self.notes = []

        def __deepcopy__(self, memo):
            return self

        def sample_independent(self, study, trial, name, distribution):
            self.notes.append((name, optuna.logging.get_verbosity()))
            return getattr(distribution, "choices", [0])[0]

    def test_a_model_that_errs_is_put_right(self):
        assert len(proposed(self.Stubborn(), known(SQUARE, 13), n=5)) == 5
        assert len(proposed(self.Stubborn(), known(FINITE, 11), FINITE, n=5)) == 3

    def test_what_is_exhausted_is_not_asked_about(self):
        sampler = self.Stubborn()
        assert proposed(sampler, known(FINITE, 14), FINITE, n=1) == []
        assert len(sampler.notes) == 0

    def test_it_sees_the_names_of_the_space(self):
        sampler = self.Stubborn()
        proposed(sampler, known(FINITE, 11), FINITE, n=1)
        assert {name for name, _ in sampler.notes} == FINITE.keys()

    def test_optuna_is_not_made_louder_than_the_user_has_it(self):
        sampler, level = self.Stubborn(), optuna.logging.get_verbosity()
        try:
            optuna.logging.set_verbosity(optuna.logging.ERROR)
            proposed(sampler, known(SQUARE, 13), n=1)
        finally:
            optuna.logging.set_verbosity(level)
        assert min(verbosity for _, verbosity in sampler.notes) >= optuna.logging.ERROR

    def test_optunas_verbosity_is_put_back_after_an_error(self):
        class Broken(self.Stubborn):
            def sample_independent(self, *args):
                raise RuntimeError("no idea")

        level = optuna.logging.get_verbosity()
        with pytest.raises(RuntimeError, match="no idea"):
            proposed(Broken(), known(SQUARE, 13), n=2)
        assert optuna.logging.get_verbosity() == level

    def test_the_object_is_left_as_it_was(self):
        own = optuna.samplers.TPESampler(seed=5)
        history = known(SQUARE, 13)
        assert proposed(own, history, n=3) == proposed(own, history, n=3)


@pytest.mark.parametrize("name", MODELS)
class TestLearning:
    def test_proposals_are_better_than_random_ones(self, name):
        history = known(SQUARE, 41, lambda params: -regret(params))
        assert mean_regret(name, history) < AT_RANDOM / 2

    def test_the_highest_rung_is_believed(self, name):
        def is_promoted(c):
            return c.candidate_id % 2

        history = climbed(61, regret, lambda params: -regret(params), is_promoted)
        assert mean_regret(name, history) < 0.7 * AT_RANDOM

    def test_candidates_that_fail_are_avoided(self, name):
        def score(params):
            return params["y"] if params["x"] < 0.5 else float("nan")

        found = [params["x"] for params in proposed(name, known(SQUARE, 41, score))]
        assert np.mean(np.less(found, 0.5)) > 0.75

    def test_candidates_that_fail_early_are_avoided(self, name):
        # The score grows towards where networks diverge, as it does with the learning rate.
        def score(params):
            return params["x"] if params["x"] < 0.5 else float("nan")

        history = climbed(41, score, score, lambda c: c.params["x"] < 0.5)
        found = [params["x"] for params in proposed(name, history)]
        assert np.mean(np.less(found, 0.6)) > 0.75

    def test_what_is_still_in_training_is_not_proposed_again(self, name):
        history = known(SQUARE, 41, lambda params: -regret(params))
        found = recorded(sampler_for(name, Space(SQUARE), seed=0), [1, 1, 1], history)
        assert min(pdist([[params["x"], params["y"]] for params in found])) > 1e-3


class TestWhatIsLearntFrom:
    def test_a_rung_with_few_results_is_not_yet_believed(self):
        def is_promoted(c):
            return c.candidate_id < 5

        history = climbed(41, lambda params: -regret(params), regret, is_promoted)
        assert mean_regret("tpe", history) < 0.7 * AT_RANDOM

    def test_brackets_share_what_they_learn_at_one_resource(self):
        history = History()
        for number, params in enumerate(ParameterSampler(SQUARE, 41, random_state=1)):
            c = history.propose(params, bracket=number % 2)
            place = {"bracket": c.bracket, "rung": c.bracket}
            history.add(report(number, regret(params), **place, n_resources=1 + c.bracket))
            if number < 14:
                place["rung"] += 1
                history.add(report(number, -regret(params), **place, n_resources=9))
        assert mean_regret("tpe", history) < 0.7 * AT_RANDOM

    def test_candidates_with_folds_to_come_are_not_yet_believed(self):
        history, without = History(), History()
        for number, params in enumerate(ParameterSampler(SQUARE, 41, random_state=1)):
            without.propose(params, 0)
            history.propose(params, 0)
            history.add(report(number, -regret(params))._replace(n_folds=2))
        assert proposed("tpe", history) == proposed("tpe", without)

    def test_equal_results_are_no_obstacle(self):
        for name in MODELS:
            assert len(proposed(name, known(SQUARE, 13, lambda params: 0.5), n=2)) == 2

    def test_results_that_all_failed_are_no_obstacle(self):
        history = known(SQUARE, 13, lambda params: float("nan"))
        assert len(proposed("tpe", history, n=2)) == 2


@pytest.mark.parametrize("name", MODELS)
class TestSpaces:
    @pytest.mark.parametrize("fixed", [3, "a"])
    def test_a_single_value_is_no_obstacle(self, name, fixed):
        space = {**SQUARE, "z": [fixed]}
        assert proposed(name, known(space, 13), space, n=1)[0]["z"] == fixed

    def test_scipys_distributions_are_known_by_their_quantiles(self, name):
        space = {"a": norm(3, 2), "b": expon(scale=2), "n": poisson(3)}
        (found,) = proposed(name, known(space, 13), space, n=1)
        assert all(np.isfinite([found["a"], found["b"], found["n"]]))
        assert found["b"] >= 0
        assert found["n"] in range(50)

    def test_counts_are_whole_numbers(self, name):
        space = {**SQUARE, "n": poisson(3)}
        assert isinstance(proposed(name, known(space, 13), space, n=1)[0]["n"], Integral)


@pytest.mark.parametrize("name", ["tpe", "cma"])
def test_settings_that_are_rarely_drawn_are_found_too(name):
    space = {"a": Int(1, 5, log=True), "b": Int(1, 5, log=True)}
    history = known({"a": range(1, 6), "b": range(1, 6)}, 12)
    recorded(sampler_for(name, Space(space), seed=0), [25], history)
    found = [candidate.params for candidate in history.candidates]
    assert len(found) == 25
    assert all(params in found for params in ParameterGrid({k: range(1, 6) for k in space}))


TELLS_NOTHING = """
from sktune.samplers import sampler_for
from sktune.space import Space
from tests.samplers.laws import known
from tests.samplers.test_model import SQUARE

for name in ("tpe", "cma", "gp"):
    assert len(sampler_for(name, Space(SQUARE), 0).propose(1, known(SQUARE, 13))) == 1
"""


def test_nothing_is_told_to_the_user():
    done = subprocess.run([sys.executable, "-c", TELLS_NOTHING], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
