from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sktune.candidates import Advance, History, Standing, Stop
from sktune.schedules import (
    AsyncHalving,
    Plan,
    SuccessiveHalving,
    all_folds,
    best,
    growing_folds,
    ranked,
)
from tests.schedules.laws import SynchronousLaws, epochs_of, simulate


def halving(n, **changes):
    given = {"factor": 3, "min_resources": 1, "max_resources": 27, "n_folds": 3, **changes}
    return SuccessiveHalving.of(n, **given)


class TestSuccessiveHalving(SynchronousLaws):
    def rule(self, n_candidates):
        return halving(n_candidates)


class TestAggressiveHalving(SynchronousLaws):
    def rule(self, n_candidates):
        return halving(n_candidates, max_resources=9, aggressive_elimination=True)


class TestGrowingFolds(SynchronousLaws):
    def rule(self, n_candidates):
        return halving(n_candidates, fold_rule=growing_folds)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 300),
    st.integers(1, 1000),
    st.sampled_from([2, 3, 4, 5]),
    st.integers(1, 3),
    st.sampled_from([all_folds, growing_folds]),
)
def test_epochs_foretold_are_epochs_asked_for(n, max_resources, factor, n_folds, fold_rule):
    rule = halving(
        n, factor=factor, max_resources=max_resources, n_folds=n_folds, fold_rule=fold_rule
    )
    per_fold = 1 if "n_folds" in rule.plan[0] else n_folds
    assert epochs_of(simulate(rule)[1]) == rule.plan.epochs * per_fold
    asha = AsyncHalving(rule.rungs, factor, n, n_folds)
    counts = [row["n_candidates"] for row in asha.plan]
    assert counts == [max(1, n // factor**rung) for rung in range(len(rule.rungs))]


def test_growing_folds_by_hand():
    # 3 folds on 4 rungs: 1, 2, 3, 3; the second rung trains 9 x (2 x 3 - 1 x 1) epochs
    plan = halving(27, fold_rule=growing_folds).plan
    assert [row["n_folds"] for row in plan] == [1, 2, 3, 3]
    assert [row["epochs"] for row in plan] == [27, 9 * 5, 3 * 21, 54]
    assert "epochs over all folds" in repr(plan)


def test_the_best_third_goes_on():
    history, actions = simulate(halving(27), lambda c, fold, rung: c + fold)
    by_rung = {}
    for action in actions:
        if isinstance(action, Advance):
            by_rung.setdefault(action.n_resources, []).append(action.candidate_id)
    assert by_rung == {1: list(range(27)), 3: list(range(18, 27)), 9: [24, 25, 26], 27: [26]}
    assert best(history) == (26, 0, 3)


@pytest.mark.parametrize("n", [9, 40, 1000])
def test_of_equals_the_first_go_on(n):
    _, actions = simulate(halving(n), lambda c, fold, rung: 0.5)
    last = [a.candidate_id for a in actions if isinstance(a, Advance) and a.n_resources == 27]
    assert last == list(range(len(last)))


def test_ties_go_to_the_lower_cost_first():
    order = ranked([Standing(0, 0.9, 30), Standing(1, 0.9, 20), Standing(2, 0.9, 20)])
    assert [standing.candidate_id for standing in order] == [1, 2, 0]


def test_all_failing_stops():
    history, actions = simulate(halving(9), lambda c, fold, rung: float("nan"))
    assert isinstance(actions[-1], Stop)
    assert len(history.reports) == 27
    assert best(history) is None


def advanced(actions):
    """Return the candidates that are sent to each rung at once, in order."""
    groups = groupby((a for a in actions if isinstance(a, Advance)), lambda a: a.rung)
    return [(rung, [a.candidate_id for a in group]) for rung, group in groups]


def test_the_next_in_rank_takes_the_place_by_hand():
    # the higher the number the better; the three best fail at the second rung, the next one at
    # the last, so that the second place of the second rung is the answer
    fails_at = {8: 1, 7: 1, 6: 1, 5: 2}
    history, actions = simulate(
        halving(9, max_resources=9),
        lambda c, fold, rung: float("nan") if rung == fails_at.get(c) else c,
    )
    assert advanced(actions) == [
        (0, [*range(9)]),
        (1, [6, 7, 8, 3, 4, 5]),
        (2, [5, 4]),
    ]
    assert best(history) == (4, 0, 2)


def test_when_a_rung_has_nobody_left_more_come_up():
    # all three of the second rung fail at the last
    history, actions = simulate(
        halving(9, max_resources=9), lambda c, f, rung: float("nan") if rung == 2 and c > 5 else c
    )
    assert advanced(actions) == [
        (0, [*range(9)]),
        (1, [6, 7, 8]),
        (2, [8, 7, 6]),
        (1, [5]),
        (2, [5]),
    ]
    assert best(history) == (5, 0, 2)


def test_a_candidate_that_failed_later_is_not_the_best():
    history, _ = simulate(halving(27), lambda c, f, rung: c if rung < 2 else float("nan"))
    assert best(history) is None
    assert {r.candidate_id for r in history if r.rung == 2} == {*range(27)}


def test_epochs_by_hand():
    # 27@3 9@9 3@27 1@81 is 324 epochs from scratch, 243 going on
    plan = halving(27, max_resources=81).plan
    assert [(row["n_candidates"], row["n_resources"]) for row in plan] == [
        (27, 3),
        (9, 9),
        (3, 27),
        (1, 81),
    ]
    assert sum(row["n_candidates"] * row["n_resources"] for row in plan) == 324
    assert plan.epochs == 243
    assert halving(27).plan.epochs == 81


def test_a_plan_is_a_sequence_of_rows():
    plan = Plan.of([3, 1], [1, 3], bracket=2)
    assert len(plan) == 2
    assert plan[-1] == {
        "bracket": 2,
        "rung": 1,
        "n_candidates": 1,
        "n_resources": 3,
        "epochs": 2,
    }
    assert plan[:1] == [plan[0]]


def test_a_history_knows_what_is_missing():
    assert History().rungs() == []
    assert best(History()) is None
