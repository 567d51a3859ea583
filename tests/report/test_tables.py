"""Tables of results against what plain loops over the reports say."""

import math
from collections import defaultdict

import numpy as np
import pytest

from sktune.report import results
from sktune.report.tables import curves, progress, rungs, runs, short_names
from tests.report.kinds import KINDS, brute_force_best


@pytest.fixture(params=KINDS)
def data(request):
    return KINDS[request.param]()


def by_place(data):
    found = defaultdict(list)
    for report in data.history:
        found[report.candidate_id, report.bracket, report.rung].append(report)
    return found


def test_runs_has_each_report_with_its_settings(data):
    table = runs(data)
    assert len(table) == len(data.history.reports)
    for row in table.to_dict("records"):
        params = data.history.candidates[row["candidate_id"]].params
        for name, value in params.items():
            assert row[f"param_{name}"] == value or value is None


def test_results_has_a_candidate_once_and_the_best_first(data):
    table = results(data)
    seen = {report.candidate_id for report in data.history}
    assert sorted(table["candidate_id"]) == sorted(seen)
    best = brute_force_best(data)
    if math.isfinite(best):
        assert table["rank"][0] == 1
        assert table["score"][0] == pytest.approx(best)
    for row in table.to_dict("records"):
        mine = [r for r in data.history if r.candidate_id == row["candidate_id"]]
        assert row["n_resources"] == max(r.n_resources for r in mine)
        assert row["fit_time"] == pytest.approx(sum(r.fit_time for r in mine))
        failed = any(r.status != "ok" for r in mine)
        assert (row["status"] != "ok") == failed
        assert math.isnan(row["score"]) == failed


def test_curves_has_the_folds_of_each_rung(data):
    table = curves(data)
    whole = {k: v for k, v in by_place(data).items() if len(v) == v[0].n_folds}
    fine = {k: v for k, v in whole.items() if all(r.status == "ok" for r in v)}
    assert len(table) == len(fine)
    for row in table.to_dict("records"):
        scores = [r.score for r in fine[row["candidate_id"], row["bracket"], row["rung"]]]
        assert row["score"] == pytest.approx(np.mean(scores))
        assert row["std"] == pytest.approx(np.std(scores))
        assert (row["lowest"], row["highest"]) == (min(scores), max(scores))
        mine = [rung for c, _, rung in fine if c == row["candidate_id"]]
        assert row["last_rung"] == max(mine)


def test_rungs_counts_who_came(data):
    table = rungs(data)
    assert len(table) == len(data.plan)
    whole = {k: v for k, v in by_place(data).items() if len(v) == v[0].n_folds}
    for row in table.to_dict("records"):
        here = [v for (_, b, r), v in whole.items() if (b, r) == (row["bracket"], row["rung"])]
        means = [np.mean([r.score for r in v]) for v in here]
        finite = [mean for mean in means if math.isfinite(mean)]
        assert row["n_reached"] == len(here)
        assert row["n_failed"] == len(means) - len(finite)
        if finite:
            assert row["best"] == pytest.approx(max(finite))
            assert row["median"] == pytest.approx(np.median(finite))
            assert row["worst"] == pytest.approx(min(finite))


def test_progress_rises_to_the_best_of_all_rungs(data):
    table = progress(data)
    means = [
        np.mean([r.score for r in v]) for v in by_place(data).values() if len(v) == v[0].n_folds
    ]
    finite = [mean for mean in means if math.isfinite(mean)]
    assert list(table["score"]) == sorted(table["score"])
    assert list(table["seconds"]) == sorted(table["seconds"])
    assert len(table) == 0 or table["score"].iloc[-1] == pytest.approx(max(finite))
    total = {}
    for report in data.history:
        total[report.run] = max(report.n_resources, total.get(report.run, 0))
    assert len(table) == 0 or table["trained"].iloc[-1] <= sum(total.values())


def test_names_that_would_be_taken_keep_their_prefix():
    assert short_names([{"net__score": 1, "net__lr": 2}]) == {
        "net__score": "net__score",
        "net__lr": "lr",
    }
