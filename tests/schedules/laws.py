"""The law suite of schedules: every rule from history to actions runs it."""

import random

import pytest

from sktune.candidates import Advance, History, Propose, Report, Stop


def report(action, fold, score, status="ok", n_parameters=1):
    return Report(
        action.candidate_id,
        fold,
        action.bracket,
        action.rung,
        action.n_resources,
        score=score,
        scores={"score": score},
        train_scores={},
        n_parameters=n_parameters,
        fit_time=0.0,
        score_time=0.0,
        status=status,
    )


def chance(candidate_id, fold, rung):
    return random.Random(f"{candidate_id}:{fold}:{rung}").random()


def simulate(rule, n_folds, score=chance, order=None):
    """Run the schedule on a made-up score; return the history and all actions in order."""
    history, done = History(), []
    while True:
        actions = rule.decide(history)
        done += actions
        if any(isinstance(action, Stop) for action in actions):
            return history, done
        for action in actions:
            if isinstance(action, Propose):
                for _ in range(action.n_candidates):
                    history.propose({}, action.bracket)
        runs = [(a, f) for a in actions if isinstance(a, Advance) for f in range(n_folds)]
        if order is not None:
            order.shuffle(runs)
        for action, fold in runs:
            value = score(action.candidate_id, fold, action.rung)
            status = "ok" if value == value else "failed"
            history.add(report(action, fold, value, status))


def prefix(history, n_reports):
    found = History()
    for candidate in history.candidates:
        found.propose(candidate.params, candidate.bracket)
    for entry in history.reports[:n_reports]:
        found.add(entry)
    return found


class ScheduleLaws:
    """A subclass gives ``rule``, for a number of candidates and folds."""

    n_folds = 3

    def rule(self, n_candidates):
        raise NotImplementedError

    def test_epochs_foretold_are_epochs_asked_for(self):
        for n in (1, 2, 9, 40, 81):
            rule = self.rule(n)
            _, actions = simulate(rule, self.n_folds)
            before, epochs = {}, 0
            for action in actions:
                if isinstance(action, Advance):
                    epochs += action.n_resources - before.get(action.candidate_id, 0)
                    before[action.candidate_id] = action.n_resources
            assert epochs == rule.plan.epochs

    def test_deciding_twice_changes_nothing(self):
        rule = self.rule(9)
        history, _ = simulate(rule, self.n_folds)
        for n_reports in range(len(history.reports) + 1):
            part = prefix(history, n_reports)
            assert rule.decide(part) == rule.decide(part)
            assert len(part.reports) == n_reports

    def test_a_prefix_asks_for_what_is_missing(self):
        rule = self.rule(9)
        history, _ = simulate(rule, self.n_folds)
        for n_reports in range(len(history.reports)):
            due = rule.decide(prefix(history, n_reports))
            after = history.reports[n_reports]
            assert (after.candidate_id, after.rung) in [(a.candidate_id, a.rung) for a in due]

    @pytest.mark.parametrize("seed", range(200))
    def test_the_order_of_results_does_not_matter(self, seed):
        rule = self.rule(20)
        _, actions = simulate(rule, self.n_folds)
        _, shuffled = simulate(rule, self.n_folds, order=random.Random(seed))
        assert shuffled == actions

    @pytest.mark.parametrize("seed", range(50))
    def test_a_failed_candidate_never_goes_on(self, seed):
        rng = random.Random(seed)
        failing = set(rng.sample(range(27), rng.randint(0, 27)))
        from_rung = rng.randint(0, 3)

        def score(candidate_id, fold, rung):
            fails = candidate_id in failing and rung >= from_rung and fold == 1
            return float("nan") if fails else chance(candidate_id, fold, rung)

        history, _ = simulate(self.rule(27), self.n_folds, score)
        for entry in history:
            if entry.status == "failed":
                later = [r for r in history if r.candidate_id == entry.candidate_id]
                assert max(r.rung for r in later) == entry.rung
