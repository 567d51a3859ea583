import heapq
import math
import random

import pytest

from sktune.candidates import Advance, History, Propose, Stop
from sktune.schedules import AsyncHalving, best
from tests.schedules.laws import ScheduleLaws, chance, prefix, report, simulate


def asha(n_candidates, rungs=(1, 3, 9), factor=3):
    return AsyncHalving(rungs, factor, n_candidates, n_folds=3)


class TestAsyncHalving(ScheduleLaws):
    def rule(self, n_candidates):
        return asha(n_candidates)

    def test_a_prefix_is_continued_as_it_was(self):
        rule = self.rule(20)
        history, actions = simulate(rule)
        advances = iter([a for a in actions if isinstance(a, Advance)])
        action = next(advances)
        for n_reports, after in enumerate(history.reports):
            if (after.candidate_id, after.rung) != (action.candidate_id, action.rung):
                action = next(advances)
            # of the candidates only those that had begun were known by then
            part = prefix(history, n_reports)
            del part.candidates[max(r.candidate_id for r in history.reports[: n_reports + 1]) + 1 :]
            assert rule.decide(part) == [action]


def brute_force(history, rungs, factor):
    """Return what the paper's get_job promotes, read from the whole history each time.

    Who failed above a rung is not there any more, but was one of those that reached it.
    """
    failed = {(p.candidate_id, p.rung) for p in history.completed if history.standing(p) is None}
    for rung in reversed(range(len(rungs) - 1)):
        finite = sorted(
            (-history.standing(p).score, history.standing(p).cost, p.candidate_id)
            for p in history.completed
            if p.rung == rung and history.standing(p) is not None
            if (p.candidate_id, rung + 1) not in failed
        )
        n_complete = sum(
            p.rung == rung and (rung == 0 or history.standing(p) is not None)
            for p in history.completed
        )
        for key in finite[: n_complete // factor]:
            place = (key[2], 0, rung + 1)
            if not any(tuple(p) == place for p in history._begun | history._complete):
                return key[2], rung + 1
    return None


def on_workers(rule, n_workers, seed, score=chance):
    """Simulate a cluster with random training times; yield (history, action) at each decision."""
    rng, history, running, clock = random.Random(seed), History(), [], 0.0
    while True:
        while len(running) < n_workers:
            actions = rule.decide(history)
            if not actions or isinstance(actions[0], Stop):
                break
            yield history, actions[0]
            if isinstance(actions[0], Propose):
                history.propose({}, 0)
            else:
                history.begin(actions[0])
                time = clock + actions[0].n_resources * rng.lognormvariate(0, 1)
                heapq.heappush(running, (time, len(history.completed), id(actions[0]), actions[0]))
        if not running:
            return
        clock, *_, action = heapq.heappop(running)
        for fold in range(action.n_folds):
            history.add(report(action, fold, score(action.candidate_id, fold, action.rung)))


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("n_workers", [1, 4, 30])
def test_promotions_are_the_papers(seed, n_workers):
    rule = asha(40)

    def score(candidate_id, fold, rung):
        failed = candidate_id % 3 == seed % 3 and rung == candidate_id % 4
        return math.nan if failed else round(chance(candidate_id, fold, rung), 1)

    for history, action in on_workers(rule, n_workers, seed, score):
        expected = brute_force(history, rule.rungs, rule.factor)
        if expected is None:
            assert isinstance(action, Propose) or action.rung == 0
        else:
            assert (action.candidate_id, action.rung) == expected


def test_nobody_waits_while_there_are_candidates():
    rule, busy = asha(None), 0
    for history, action in on_workers(rule, 50, seed=0):
        if isinstance(action, Advance):
            busy += 1
            n_running = len(history._begun - history._complete)
            assert busy <= 50 or n_running == 49
        if len(history.candidates) > 500:
            break
    assert busy > 500


def test_one_worker_climbs_as_soon_as_it_can():
    _, actions = simulate(asha(9), lambda c, fold, rung: c)
    trained = [(a.candidate_id, a.rung) for a in actions if isinstance(a, Advance)]
    assert trained[:4] == [(0, 0), (1, 0), (2, 0), (2, 1)]
    assert trained[-1] == (8, 2)


def test_the_best_of_the_highest_rung_is_the_answer():
    history, _ = simulate(asha(27), lambda c, fold, rung: -abs(c - 20))
    assert best(history).candidate_id == 20
    assert best(history).rung == 2


def test_the_next_in_rank_takes_the_place_of_one_that_fails():
    history, actions = simulate(
        asha(9), lambda c, fold, rung: math.nan if (c, rung) in {(0, 2), (1, 1)} else -c
    )
    trained = [(a.candidate_id, a.rung) for a in actions if isinstance(a, Advance) and a.rung]
    assert trained == [(0, 1), (1, 1), (2, 1), (3, 1), (0, 2), (2, 2)]
    assert best(history) == (2, 0, 2)


@pytest.mark.parametrize("n_candidates", [1, 2, 4, 8])
def test_fewer_candidates_than_the_factor_end_fully_trained_too(n_candidates):
    rule = asha(n_candidates)
    history, _ = simulate(rule, lambda c, fold, rung: c)
    assert best(history) == (n_candidates - 1, 0, 2)
    assert all(history.reached(0, row["rung"]) for row in rule.plan)
