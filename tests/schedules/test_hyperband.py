import pytest
from hypothesis import given
from hypothesis import strategies as st

from sktune.candidates import Advance, Propose
from sktune.schedules import InTurn, SideBySide, best, growing_folds, hyperband_brackets
from tests.schedules.laws import SynchronousLaws, epochs_of, simulate

# Li et al., Hyperband, JMLR 2018, table 1 (and section 3.1 for the counts): R = 81, eta = 3
PAPER = [
    [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
    [(34, 3), (11, 9), (3, 27), (1, 81)],
    [(15, 9), (5, 27), (1, 81)],
    [(8, 27), (2, 81)],
    [(5, 81)],
]


def brackets(max_resources=9, **settings):
    settings = {"factor": 3, "min_resources": 1, "n_folds": 3, **settings}
    return hyperband_brackets(max_resources=max_resources, **settings)


class TestSideBySide(SynchronousLaws):
    def rule(self, n_candidates):
        return SideBySide(brackets())


class TestInTurn(SynchronousLaws):
    def rule(self, n_candidates):
        return InTurn(brackets(n_available=n_candidates))


class TestGrowingFolds(SynchronousLaws):
    def rule(self, n_candidates):
        return SideBySide(brackets(fold_rule=growing_folds))


def test_the_table_of_the_paper():
    found = [list(zip(b.counts, b.rungs, strict=True)) for b in brackets(81)]
    assert found == PAPER


@given(st.sampled_from([2, 3, 4, 5]), st.integers(1, 1000), st.integers(1, 50), st.integers(1, 3))
def test_brackets_of_any_size(factor, max_resources, min_resources, n_iterations):
    min_resources = min(min_resources, max_resources)
    found = brackets(
        max_resources, factor=factor, min_resources=min_resources, n_iterations=n_iterations
    )
    n_cuts = len(found) // n_iterations - 1
    assert factor**n_cuts * min_resources <= max_resources < factor ** (n_cuts + 1) * min_resources
    for number, bracket in enumerate(found):
        cuts = n_cuts - number % (n_cuts + 1)
        assert bracket.bracket == number
        assert bracket.rungs[-1] == max_resources
        assert list(bracket.rungs) == sorted(set(bracket.rungs))
        assert list(bracket.counts) == sorted(bracket.counts, reverse=True)
        # ceil(B / R * factor**s / (s + 1)) with B = (s_max + 1) R
        assert (bracket.counts[0] - 1) * (cuts + 1) < (n_cuts + 1) * factor**cuts
        assert bracket.counts[0] * (cuts + 1) >= (n_cuts + 1) * factor**cuts


@pytest.mark.parametrize("n_available", [0, 1, 9, 12, 17, 100])
def test_brackets_share_what_there_is(n_available):
    found = brackets(n_available=n_available)
    assert sum(b.counts[0] for b in found) == min(17, n_available)


def test_side_by_side_all_brackets_begin_at_once():
    _, actions = simulate(SideBySide(brackets()))
    assert [a.n_candidates for a in actions[:3]] == [9, 5, 3]
    assert {a.bracket for a in actions[3:20]} == {0, 1, 2}


def test_in_turn_a_bracket_begins_when_the_last_is_finished():
    _, actions = simulate(InTurn(brackets()))
    places = [a.bracket for a in actions if isinstance(a, (Propose, Advance))]
    assert places == sorted(places)
    assert epochs_of(actions) == epochs_of(simulate(SideBySide(brackets()))[1])


def test_the_best_is_the_best_of_all_brackets():
    for rule in (InTurn, SideBySide):
        history, _ = simulate(rule(brackets()), lambda c, fold, rung: -abs(c - 15))
        assert best(history).candidate_id == 15
        assert best(history).bracket == 2
