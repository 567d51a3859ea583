"""Candidates as trackers have them, against the reports."""

import math

import pytest

from sktune.report.trials import trials
from tests.report import made_up
from tests.report.kinds import KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_each_candidate_is_a_trial_with_a_value_for_each_rung(kind):
    data = KINDS[kind]()
    found = {trial.candidate_id: trial for trial in trials(data)}
    assert set(found) == {report.candidate_id for report in data.history}
    for number, trial in found.items():
        mine = [report for report in data.history if report.candidate_id == number]
        failed = [report.error for report in mine if report.status != "ok"]
        assert (trial.state == "failed") == bool(failed)
        assert trial.error == (failed[0] if failed else "")
        whole = {
            r.n_resources: [q.score for q in mine if q.rung == r.rung]
            for r in mine
            if sum(q.rung == r.rung for q in mine) == r.n_folds
        }
        means = {n: sum(s) / len(s) for n, s in whole.items()}
        finite = {n: mean for n, mean in means.items() if math.isfinite(mean)}
        assert {v.n_resources: v.score for v in trial.values} == pytest.approx(finite)
        for value in trial.params.values():
            assert value is None or isinstance(value, bool | int | float | str)


def test_states():
    data = made_up.search(fails=lambda candidate: candidate in (3, 7))
    states = [trial.state for trial in trials(data)]
    assert (states.count("failed"), states.count("complete"), states.count("stopped")) == (2, 1, 24)
