"""The law suite of schedules: every rule from history to actions runs it."""

import math
import random
from collections import defaultdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sktune.candidates import Advance, History, Propose, Report, Stop
from sktune.schedules import best, ranked

# A law is inherited by the classes of all schedules.
inherited = settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.differing_executors]
)
# Of each candidate, the rung at which it fails, or one that there is not.
failures = st.lists(st.sampled_from([0, 1, 1, 2, 2, 3, 9, 9]), min_size=27, max_size=27)


def report(action, fold, score, n_parameters=1):
    return Report(
        action.candidate_id,
        fold,
        action.bracket,
        action.rung,
        action.n_resources,
        score=score,
        n_parameters=n_parameters,
        status="ok" if score == score else "failed",
        n_folds=action.n_folds,
    )


def chance(candidate_id, fold, rung):
    return random.Random(f"{candidate_id}:{fold}:{rung}").random()


def failing(rungs):
    """Return a score that is not finite from a rung on, on one fold."""

    def score(candidate_id, fold, rung):
        fails_at = rungs[candidate_id % len(rungs)]
        fails = rung >= fails_at and fold == candidate_id % 2
        return math.nan if fails else chance(candidate_id, fold, rung)

    return score


def simulate(rule, score=chance, order=None, available=10**6):
    """Run the schedule with one worker on a made-up score; return the history and all actions.

    What is due at once is done in order, or shuffled.
    """
    history, done = History(), []
    while True:
        actions = rule.decide(history)
        assert actions, "nothing is running, so something must be due"
        done += actions
        if any(isinstance(action, Stop) for action in actions):
            return history, done
        for action in actions:
            if isinstance(action, Propose):
                n_left = available - len(history.candidates)
                for _ in range(min(action.n_candidates, n_left)):
                    history.propose({}, action.bracket)
                history.exhausted = action.n_candidates > n_left
        advances = [action for action in actions if isinstance(action, Advance)]
        for action in advances:
            history.begin(action)
        runs = [
            (a, fold)
            for a in advances
            for fold in range(a.n_folds)
            if fold not in history.folds(*a.place)
        ]
        if order is not None:
            order.shuffle(runs)
        for action, fold in runs:
            history.add(report(action, fold, score(action.candidate_id, fold, action.rung)))


def interleaved(rule, score, rng):
    """Run the schedule, asked again after each report, in any order; return history and waves."""
    history, waves, running = History(), defaultdict(list), []
    while True:
        actions = rule.decide(history)
        if any(isinstance(action, Stop) for action in actions):
            assert not running
            return history, waves
        for action in actions:
            if isinstance(action, Propose):
                for _ in range(action.n_candidates):
                    history.propose({}, action.bracket)
            else:
                history.begin(action)
                running += [(action, fold) for fold in range(action.n_folds)]
        for bracket in {a.bracket for a in actions if isinstance(a, Advance)}:
            begun = [a for a in actions if isinstance(a, Advance) and a.bracket == bracket]
            waves[bracket].append(begun)
        running = [(a, fold) for a, fold in running if fold not in history.folds(*a.place)]
        if running:
            action, fold = running.pop(rng.randrange(len(running)))
            history.add(report(action, fold, score(action.candidate_id, fold, action.rung)))


def prefix(history, n_reports):
    """Return what a journal would have said after so many reports."""
    found = History()
    for candidate in history.candidates:
        found.propose(candidate.params, candidate.bracket)
    for entry in history.reports[:n_reports]:
        found.add(entry)
    return found


def epochs_of(actions):
    """Return the epochs, over all folds, that the actions ask for."""
    trained, epochs = {}, 0
    for action in actions:
        if isinstance(action, Advance):
            for fold in range(action.n_folds):
                run = action.candidate_id, fold
                epochs += action.n_resources - trained.get(run, 0)
                trained[run] = action.n_resources
    return epochs


class ScheduleLaws:
    """A subclass gives ``rule``, for a number of candidates."""

    n_folds = 3

    def rule(self, n_candidates):
        raise NotImplementedError

    def test_deciding_twice_changes_nothing(self):
        rule = self.rule(9)
        history, _ = simulate(rule)
        for n_reports in range(len(history.reports) + 1):
            part = prefix(history, n_reports)
            assert rule.decide(part) == rule.decide(part)
            assert len(part.reports) == n_reports

    def test_what_has_begun_is_not_due_again(self):
        rule = self.rule(9)
        history = History()
        seen = set()
        while not isinstance((actions := rule.decide(history))[0], Stop):
            for action in actions:
                if isinstance(action, Propose):
                    for _ in range(action.n_candidates):
                        history.propose({}, action.bracket)
                else:
                    assert action.place not in seen
                    seen.add(action.place)
                    history.begin(action)
                    for fold in range(action.n_folds):
                        # while some of it runs, nothing of it is asked for again
                        assert action not in rule.decide(history)
                        history.add(report(action, fold, chance(action.candidate_id, fold, 0)))

    def test_rungs_are_climbed_one_by_one(self):
        _, actions = simulate(self.rule(20))
        reached = {}
        for action in actions:
            if isinstance(action, Advance):
                before = reached.get(action.candidate_id, (-1, 0, 0))
                assert action.rung == before[0] + 1
                assert action.n_resources > before[1]
                assert action.n_folds >= before[2]
                reached[action.candidate_id] = (action.rung, action.n_resources, action.n_folds)

    def test_the_last_rung_has_all_folds_and_resources(self):
        rule = self.rule(20)
        _, actions = simulate(rule)
        last = max(a.n_resources for a in actions if isinstance(a, Advance))
        assert last == max(row["n_resources"] for row in rule.plan)
        assert {a.n_folds for a in actions if isinstance(a, Advance) and a.n_resources == last} == {
            self.n_folds
        }

    @inherited
    @given(failures)
    def test_a_failed_candidate_never_goes_on(self, fails_at):
        history, actions = simulate(self.rule(27), failing(fails_at))
        for entry in history:
            if entry.status == "failed":
                later = [r for r in history if r.candidate_id == entry.candidate_id]
                assert max(r.rung for r in later) == entry.rung
        advances = [action.place for action in actions if isinstance(action, Advance)]
        assert len(advances) == len(set(advances)), "nothing is trained twice"

    @inherited
    @given(failures)
    def test_it_ends_with_a_fully_trained_network_while_one_is_left(self, fails_at):
        rule = self.rule(27)
        history, _ = simulate(rule, failing(fails_at))
        left = [c for c in range(len(history.candidates)) if not history.has_failed(c)]
        winner = best(history)
        assert (winner is None) == (not left)
        if winner is not None:
            assert winner.candidate_id in left
            most = max(row["n_resources"] for row in rule.plan)
            assert history.n_resources(winner.bracket, winner.rung) == most

    @inherited
    @given(failures)
    def test_survivors_are_who_can_still_be_trained(self, fails_at):
        rule = self.rule(20)
        history, _ = simulate(rule, failing(fails_at))
        for n_reports in range(len(history.reports)):
            before = prefix(history, n_reports)
            later = {r.candidate_id for r in history.reports[n_reports:]}
            failed = {c for c in later if before.has_failed(c)}
            assert later - failed <= {*rule.survivors(before)}
            assert failed.isdisjoint(rule.survivors(before))
            leader = best(before)
            assert leader is None or not before.has_failed(leader.candidate_id)
        winner = best(history)
        assert winner is None or winner.candidate_id in rule.survivors(history)

    def test_too_few_candidates_are_enough(self):
        for available in (0, 1, 4):
            history, actions = simulate(self.rule(20), available=available)
            assert len(history.candidates) == available
            assert actions[-1] == Stop("finished")

    @inherited
    @given(failures)
    def test_who_is_bound_to_win_wins_unless_it_fails(self, fails_at):
        for n in (1, 9, 20, 27):
            rule = self.rule(n)
            history, _ = simulate(rule, failing(fails_at))
            answer = best(history)
            for n_reports in range(len(history.reports) + 1):
                part = prefix(history, n_reports)
                for action in rule.decide(part):
                    if isinstance(action, Advance):
                        part.begin(action)
                settled = rule.winner(part)
                if settled is not None and not history.has_failed(settled.candidate_id):
                    assert settled.place == answer
                    assert settled.n_resources == max(row["n_resources"] for row in rule.plan)


class SynchronousLaws(ScheduleLaws):
    """What holds beside if a rung is complete before its best go on."""

    def test_epochs_foretold_are_epochs_asked_for(self):
        for n in (1, 2, 9, 40, 81):
            rule = self.rule(n)
            _, actions = simulate(rule)
            per_fold = 1 if "n_folds" in rule.plan[0] else self.n_folds
            assert epochs_of(actions) == rule.plan.epochs * per_fold

    def test_a_prefix_asks_for_what_is_missing(self):
        rule = self.rule(9)
        history, _ = simulate(rule)
        for n_reports in range(len(history.reports)):
            due = rule.decide(prefix(history, n_reports))
            after = history.reports[n_reports]
            assert (after.candidate_id, after.rung) in [(a.candidate_id, a.rung) for a in due]

    @pytest.mark.parametrize("seed", range(200))
    def test_the_order_of_results_does_not_matter(self, seed):
        rule = self.rule(20)
        _, actions = simulate(rule)
        _, shuffled = simulate(rule, order=random.Random(seed))
        assert shuffled == actions

    @inherited
    @given(failures, st.randoms(use_true_random=False))
    def test_nor_does_it_when_some_fail(self, fails_at, rng):
        rule, score = self.rule(20), failing(fails_at)
        history, waves = interleaved(rule, score, rng)
        again, same = interleaved(rule, score, random.Random(0))
        assert waves == same
        assert history.records() == again.records()

    @inherited
    @given(failures)
    def test_the_next_in_rank_takes_the_place_of_one_that_fails(self, fails_at):
        rule = self.rule(27)
        history, _ = simulate(rule, failing(fails_at))
        for row in rule.plan:
            bracket, rung = row["bracket"], row["rung"]
            n_finite = len(history.standings(bracket, rung))
            if rung and history.in_bracket(bracket):
                below = ranked(history.standings(bracket, rung - 1))
                reached = history.reached(bracket, rung)
                assert reached == sorted(s.candidate_id for s in below[: len(reached)])
                assert n_finite >= row["n_candidates"] or len(reached) == len(below)
