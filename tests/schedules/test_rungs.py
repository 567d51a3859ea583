"""Law 1: rungs in integers."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sktune.schedules.rungs import aggressive_counts, rung_counts, rung_resources

numbers = st.tuples(
    st.integers(1, 300), st.integers(2, 5), st.integers(1, 1000), st.integers(1, 1000)
).map(lambda t: (t[0], t[1], min(t[2:]), max(t[2:])))


@given(numbers)
def test_rungs_increase_to_exactly_the_last(case):
    n, factor, low, high = case
    rungs = rung_resources(n, factor, low, high)
    assert rungs[-1] == high
    assert rungs[0] >= low
    assert all(before < after for before, after in itertools.pairwise(rungs))


@given(numbers)
def test_there_are_as_many_rungs_as_candidates_and_resources_allow(case):
    n, factor, low, high = case
    rungs = rung_resources(n, factor, low, high)
    cuts = len(rungs) - 1
    assert factor**cuts <= n
    assert factor ** (cuts + 1) > n or high // factor ** (cuts + 1) < low


@given(numbers, st.sampled_from([rung_counts, aggressive_counts]))
def test_candidates_never_increase_and_none_is_lost(case, counts):
    n, factor, low, high = case
    found = counts(n, factor, len(rung_resources(n, factor, low, high)))
    assert found[0] == n
    assert min(found) >= 1
    assert list(found) == sorted(found, reverse=True)


@given(numbers)
def test_aggressive_elimination_leaves_at_most_factor(case):
    n, factor, low, high = case
    rungs = rung_resources(n, factor, low, high)
    found = aggressive_counts(n, factor, len(rungs))
    assert found[-1] <= factor or len(rungs) == 1


@pytest.mark.parametrize(("n", "factor"), [(243, 3), (1000, 10), (3125, 5), (1024, 2)])
def test_exact_powers_lose_no_rung(n, factor):
    rungs = rung_resources(n, factor, 1, n)
    counts = rung_counts(n, factor, len(rungs))
    assert rungs == tuple(reversed(counts))
    assert rungs[0] == counts[-1] == 1
    assert all(after == factor * before for before, after in itertools.pairwise(rungs))


def test_the_most_aggressive_bracket_of_the_paper():
    # Li et al., JMLR 2018, table 1: R = 81, eta = 3, s = 4
    rungs = rung_resources(81, 3, 1, 81)
    assert list(zip(rung_counts(81, 3, len(rungs)), rungs, strict=True)) == [
        (81, 1),
        (27, 3),
        (9, 9),
        (3, 27),
        (1, 81),
    ]
