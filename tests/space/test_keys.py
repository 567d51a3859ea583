"""How large a space is, and which of its settings are the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from scipy.stats import loguniform, norm, randint, uniform
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from sktune.space import Choice, Float, Int, Space, setting_key


def key(value):
    return setting_key({"a": value})


class TestSize:
    @pytest.mark.parametrize(
        ("dimension", "size"),
        [
            (Int(-1, 3), 5),
            (Int(1, 8, log=True), 8),
            (randint(0, 4), 4),
            (randint(3, 4), 1),
            (Choice("abc"), 3),
            (np.arange(4), 4),
            (range(6), 6),
            (IntDistribution(1, 9, step=2), 5),
            (IntDistribution(4, 4), 1),
            (FloatDistribution(0, 1, step=0.25), 5),
            (FloatDistribution(2, 2), 1),
            (CategoricalDistribution(["a", "b"]), 2),
            (Float(0, 1), None),
            (uniform(0, 1), None),
            (norm, None),
            (loguniform(1, 10, loc=-5), None),
            (FloatDistribution(0, 1), None),
        ],
    )
    def test_is_a_product_within_a_case_and_a_sum_over_cases(self, dimension, size):
        assert Space({"a": dimension}).size == size
        n = None if size is None else 3 * size + 2
        assert Space([{"a": dimension, "b": [1, 2, 3]}, {"c": [1, 2]}]).size == n

    def test_is_the_number_of_settings_that_are_drawn(self):
        space = Space({"a": Int(-1, 3), "b": randint(0, 3), "c": ["x", "y"]})
        draws = space.draws(seed=0)
        assert space.size == len({setting_key(next(draws)) for _ in range(600)})


class TestSettingKey:
    @pytest.mark.parametrize(
        ("value", "same"),
        [
            (np.int64(3), 3),
            (np.float64(0.5), 0.5),
            (np.bool_(True), True),
            (np.str_("x"), "x"),
            ((np.int64(1), 2), (1, 2)),
            ([1, [2]], [1, [2]]),
            ({"x": 1, "y": [2]}, {"y": [2], "x": 1}),
            (np.arange(3), np.arange(3)),
            (float("nan"), float("nan")),
            (np.float64("nan"), np.float64("nan")),
            ([float("nan")], [float("nan")]),
            (StandardScaler, StandardScaler),
            (Ridge(alpha=2), clone(Ridge(alpha=2))),
        ],
        ids=repr,
    )
    def test_equal_values_are_one(self, value, same):
        assert key(value) == key(same)
        assert hash(key(value)) == hash(key(same))

    @pytest.mark.parametrize(
        ("value", "other"),
        [
            (True, 1),
            ((True, 2), (1, 2)),
            ([True], [1]),
            (None, "None"),
            ("1", 1),
            ((1, 2), [1, 2]),
            (Ridge(alpha=1), Ridge(alpha=2)),
            (Ridge(), StandardScaler()),
            (np.array([0.1]), np.array([0.1 + 1e-12])),
            (np.arange(2000), np.where(np.arange(2000) == 1000, 0, np.arange(2000))),
            (float("nan"), None),
        ],
        ids=lambda value: repr(value)[:20],
    )
    def test_other_values_are_others(self, value, other):
        assert key(value) != key(other)

    def test_an_estimator_is_itself(self):
        model = Ridge()
        assert key(model) == key(model)

    @given(st.dictionaries(st.text(), st.integers() | st.text(), min_size=1), st.randoms())
    def test_the_order_of_names_means_nothing(self, params, rng):
        shuffled = list(params.items())
        rng.shuffle(shuffled)
        assert setting_key(dict(shuffled)) == setting_key(params)

    def test_the_names_matter(self):
        assert len({setting_key(p) for p in ({"a": 1}, {"b": 1}, {"a": 1, "b": 1}, {})}) == 4


def test_classes_of_one_name_are_two_settings():
    steps = []
    for factor in (1, 2):

        class Scale(StandardScaler):
            scale = factor

        steps.append(Scale())
    assert key(steps[0]) == key(type(steps[0])())
    assert key(steps[0]) != key(steps[1])
