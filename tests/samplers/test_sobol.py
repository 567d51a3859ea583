from collections import Counter
from numbers import Integral

import numpy as np
import pytest
from scipy.stats import expon, loguniform, norm, poisson, qmc, randint, uniform

from sktune.candidates import History
from sktune.samplers import SobolSampler
from sktune.space import Choice, Float, Int, Space
from tests.samplers.laws import DrawingLaws

# Every kind of dimension, and scipy's name for it.
LAWS = {
    "g": (Float(2, 5), uniform(2, 3)),
    "f": (Float(1e-4, 1e-1, log=True), loguniform(1e-4, 1e-1)),
    "e": (Int(-3, 9), randint(-3, 10)),
    "d": (Choice([0, 1, 2]), randint(0, 3)),
    "c": (norm(3, 2), norm(3, 2)),
    "b": (expon(scale=2), expon(scale=2)),
    "a": (poisson(3), poisson(3)),
}


class TestSobolSampler(DrawingLaws):
    def sampler(self, space, seed=0):
        return SobolSampler(Space(space), seed)

    def test_it_draws_scipys_sequence_through_scipys_quantiles(self):
        space = {name: dimension for name, (dimension, _) in LAWS.items()}
        found = self.sampler(space, seed=3).propose(32, History())
        points = qmc.Sobol(len(LAWS), scramble=True, seed=3).random(32)
        for name, column in zip(sorted(LAWS), points.T, strict=True):
            assert [params[name] for params in found] == pytest.approx(LAWS[name][1].ppf(column))

    def test_it_fills_a_square_more_evenly_than_random_draws(self):
        space = {"x": uniform(0, 1), "y": Float(0, 1)}
        settings = [self.sampler(space, seed).propose(64, History()) for seed in range(5)]
        even = [qmc.discrepancy([[s["x"], s["y"]] for s in drawn]) for drawn in settings]
        rng = np.random.default_rng(0)
        assert max(even) < min(qmc.discrepancy(rng.random((64, 2))) for _ in range(5)) / 2

    def test_cases_take_turns_evenly(self):
        space = [{"a": uniform(0, 1)}, {"b": uniform(0, 1), "c": uniform(0, 1)}]
        found = self.sampler(space).propose(64, History())
        assert Counter(map(len, found)) == {1: 32, 2: 32}

    def test_counts_are_whole_numbers(self):
        found = self.sampler({"n": poisson(3)}).propose(4, History())
        assert all(isinstance(params["n"], Integral) for params in found)
