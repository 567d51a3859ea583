import pytest

from sktune.candidates import Propose, Stop
from sktune.schedules import AsyncHalving, BracketPatience, InTurn, Patience, TargetScore
from tests.schedules.laws import ScheduleLaws, SynchronousLaws, simulate
from tests.schedules.test_hyperband import brackets

OUT_OF_REACH = 2.0


class TestTargetScore(SynchronousLaws):
    def rule(self, n_candidates):
        return TargetScore(InTurn(brackets()), OUT_OF_REACH)


class TestPatience(ScheduleLaws):
    def rule(self, n_candidates):
        return Patience(AsyncHalving((1, 3, 9), 3, n_candidates, 3), 1000)


class TestBracketPatience(SynchronousLaws):
    def rule(self, n_candidates):
        return BracketPatience(brackets(), 3)


def n_proposed(actions):
    return sum(a.n_candidates for a in actions if isinstance(a, Propose))


@pytest.mark.parametrize(("target", "expected"), [(0.5, 9), (0.9, 14), (1.1, 17)])
def test_a_target_ends_the_search_after_the_bracket_that_reaches_it(target, expected):
    # the first bracket's winner scores 0.8, the second's 1.0
    _, actions = simulate(
        TargetScore(InTurn(brackets()), target), lambda c, fold, rung: 0.8 if c < 9 else 1.0
    )
    assert n_proposed(actions) == expected
    assert actions[-1] == Stop("target_score" if expected < 17 else "finished")


def test_a_target_counts_with_all_resources_only():
    _, actions = simulate(
        TargetScore(InTurn(brackets()), 0.5),
        lambda c, fold, rung: 1.0 if rung == 0 and c < 9 else 0,
    )
    # candidates 14 to 16 begin with all resources, in the last bracket
    assert n_proposed(actions) == 17


def test_patience_counts_candidates_since_the_last_improvement():
    rule = Patience(AsyncHalving((1, 3), 3, None, 2), 10)
    history, actions = simulate(rule, lambda c, fold, rung: c if c < 9 else 0)
    assert actions[-1] == Stop("patience")
    # candidate 8 was the last to improve the second rung, when it was the newest
    assert len(history.candidates) == 9 + 10


@pytest.mark.parametrize(("patience", "expected"), [(1, 2), (2, 3), (5, 6), (6, 6)])
def test_patience_counts_brackets_without_improvement(patience, expected):
    rule = BracketPatience(brackets(n_iterations=2), patience)
    history, actions = simulate(rule, lambda c, fold, rung: 0.5)
    assert len({c.bracket for c in history.candidates}) == expected
    assert actions[-1] == Stop("patience" if expected < 6 or patience == 5 else "finished")


def test_an_improvement_renews_patience():
    history, _ = simulate(BracketPatience(brackets(), 1), lambda c, fold, rung: c)
    assert {c.bracket for c in history.candidates} == {0, 1, 2}
