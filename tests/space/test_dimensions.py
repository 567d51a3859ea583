"""The quantiles of dimensions, and scipy's and Optuna's distributions as dimensions."""

import numpy as np
import optuna
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from scipy.stats import expon, ks_2samp, loguniform, norm, poisson, randint, reciprocal, uniform

from sktune.space import Choice, Float, Int, Quantiles, Space
from sktune.space.distributions import dimension_of

shares = st.floats(0, 1)
# Away from the jumps of a distribution of whole numbers, where rounding decides.
between_jumps = np.arange(0.0005, 1, 0.001)


@st.composite
def numbers(draw):
    """A Float or Int, on any scale."""
    log = draw(st.booleans())
    if draw(st.booleans()):
        low = draw(st.integers(1 if log else -(10**6), 10**6))
        return Int(low, low + draw(st.integers(1, 10**6)), log=log)
    low = draw(st.floats(1e-6 if log else -1e6, 1e6))
    return Float(low, low + draw(st.floats(1e-3, 1e6)), log=log)


class TestQuantiles:
    @given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), shares)
    def test_of_floats_are_scipys(self, low, width, share):
        at = Float(low, low + width).at(share)
        assert at == pytest.approx(uniform(low, width).ppf(share), rel=1e-6)

    @given(st.floats(1e-6, 1e6), st.floats(1.001, 1e6), shares)
    def test_of_logarithmic_floats_are_scipys(self, low, ratio, share):
        at = Float(low, low * ratio, log=True).at(share)
        assert at == pytest.approx(loguniform(low, low * ratio).ppf(share), rel=1e-6)

    @given(st.integers(-1000, 1000), st.integers(2, 1000), st.floats(0.01, 0.99), st.data())
    def test_of_ints_are_scipys(self, low, n, part, data):
        share = (data.draw(st.integers(0, n - 1)) + part) / n
        assert Int(low, low + n - 1).at(share) == randint(low, low + n).ppf(share)
        assert Choice(range(low, low + n)).at(share) == randint(low, low + n).ppf(share)

    @pytest.mark.parametrize(
        "dimension",
        [
            Float(-2, 5),
            Float(1e-4, 1e-1, log=True),
            Int(-2, 5),
            Int(1, 30, log=True),
            Choice([1, 2, 3]),
        ],
    )
    def test_are_those_of_the_draws(self, dimension):
        drawn = dimension.rvs(5000, random_state=0)
        assert ks_2samp([dimension.at(share) for share in between_jumps], drawn).pvalue > 0.01

    @given(numbers(), shares, shares)
    def test_grow(self, dimension, share, other):
        low, high = sorted([share, other])
        assert dimension.low <= dimension.at(low) <= dimension.at(high) <= dimension.high

    @given(numbers())
    def test_reach_both_bounds(self, dimension):
        ends = [dimension.at(0), dimension.at(1)]
        assert ends == pytest.approx([dimension.low, dimension.high], rel=1e-9, abs=0)
        assert isinstance(dimension, Float) or ends == [dimension.low, dimension.high]

    @given(st.lists(st.text(), min_size=1, unique=True))
    def test_reach_every_option(self, options):
        n = len(options)
        assert [Choice(options).at((k + 0.5) / n) for k in range(n)] == options
        assert Choice(options).at(1) == options[-1]


class TestOfScipy:
    @pytest.mark.parametrize(
        ("law", "kind"),
        [
            (uniform(-1, 3), Float),
            (loguniform(1e-4, 1e-1), Float),
            (loguniform(1e-4, 1e-1, scale=10), Float),
            (loguniform(1, 10, loc=5), Quantiles),
            (reciprocal(0.5, 8), Float),
            (randint(-2, 5), Int),
            (randint(-2, 5, loc=3), Int),
            (randint(4, 5), Choice),
            (norm(3, 2), Quantiles),
            (expon(scale=2), Quantiles),
            (poisson(3), Quantiles),
            (scipy.stats.norm, Quantiles),
            (scipy.stats.uniform, Float),
        ],
    )
    def test_the_quantiles_are_scipys(self, law, kind):
        dimension = dimension_of(law)
        assert isinstance(dimension, kind)
        assert [dimension.at(q) for q in between_jumps] == pytest.approx(law.ppf(between_jumps))

    @pytest.mark.parametrize("law", [randint(1, 5), randint(4, 5), poisson(3), norm(3, 2)])
    def test_the_values_are_of_the_type_of_draws(self, law):
        drawn, found = np.asarray(law.rvs(random_state=0)), np.asarray(dimension_of(law).at(0.5))
        assert found.dtype.kind == drawn.dtype.kind

    @pytest.mark.parametrize("law", [norm(3, 2), expon(scale=2), poisson(3)])
    def test_quantiles_have_their_inverse(self, law):
        dimension = dimension_of(law)
        for value in law.rvs(20, random_state=0):
            assert dimension.quantile(value) == law.cdf(value)
            assert dimension.at(dimension.quantile(value)) == pytest.approx(value)


OPTUNAS = [
    FloatDistribution(0.1, 0.5),
    FloatDistribution(1e-4, 1e-1, log=True),
    FloatDistribution(0, 1, step=0.25),
    FloatDistribution(0, 0.3, step=0.1),
    FloatDistribution(0.1, 0.9, step=0.2),
    FloatDistribution(2, 2),
    IntDistribution(1, 9),
    IntDistribution(1, 9, log=True),
    IntDistribution(1, 10, step=3),
    IntDistribution(4, 4),
    CategoricalDistribution(["a", None, 3]),
]


def suggested(distribution, n):
    """Return what Optuna itself suggests for it, at random."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    return [study.ask({"a": distribution}).params["a"] for _ in range(n)]


class TestOfOptuna:
    @pytest.mark.parametrize("given_", [d for d in OPTUNAS if not hasattr(d, "choices")], ids=repr)
    def test_numbers_follow_the_law_of_optunas_own(self, given_):
        dimension = dimension_of(given_)
        found = np.asarray([dimension.at(share) for share in between_jumps], dtype=float)
        # Optuna's log ints reach from low - 1/2 to high + 1/2, ours from low to high + 1.
        if not (isinstance(given_, IntDistribution) and given_.log):
            assert ks_2samp(found.round(9), np.round(suggested(given_, 500), 9)).pvalue > 0.01
        assert {*map(type, suggested(given_, 1))} == {type(dimension.at(0.5))}

    def test_categories_are_options(self):
        options = ["a", None, 3]
        assert dimension_of(CategoricalDistribution(options)) == Choice(options)

    @pytest.mark.parametrize("given_", OPTUNAS, ids=repr)
    def test_spaces_draw_values_that_optuna_allows(self, given_):
        draws = Space({"a": given_, "b": uniform(0, 1)}).draws(seed=0)
        for _ in range(50):
            params = {"a": next(draws)["a"]}
            # refuses what the distribution does not contain
            trial = optuna.create_trial(params=params, distributions={"a": given_}, value=0.0)
            assert trial.params == params


class TestOfOptions:
    @pytest.mark.parametrize("given_", [[1, 2], (1, 2), np.array([1, 2]), range(1, 3)], ids=repr)
    def test_every_sequence_is_a_choice(self, given_):
        assert dimension_of(given_) == Choice([1, 2])

    @pytest.mark.parametrize("given_", [Float(0, 1), Int(1, 2), Choice([3]), Quantiles(norm)])
    def test_dimensions_are_themselves(self, given_):
        assert dimension_of(given_) is given_

    def test_distributions_that_only_draw_are_none(self):
        class OnlyDraws:
            def rvs(self, random_state=None):
                return 1

        assert dimension_of(OnlyDraws()) is None
