"""The report's charts: numbers as they are, texts that plotly reads as HTML escaped."""

import json

import pytest

from sktune.report.charts import by_hyperparameter, charts, learning_curves, parallel_coordinates
from sktune.report.tables import scores_by_setting
from tests.report import made_up
from tests.report.kinds import KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_every_chart_is_plain_data(kind):
    data = KINDS[kind]()
    for chart in [*charts(data), *parallel_coordinates(data)]:
        text = json.dumps(chart.figure, allow_nan=False)
        assert json.loads(text) == chart.figure


def test_no_text_of_a_chart_is_markup():
    found = KINDS["odd values"]()
    table, _ = scores_by_setting(found)
    values = {x for t in by_hyperparameter(found, table, "f").figure["data"] for x in t["x"]}
    assert not any("<" in value for value in values)
    assert any(value.startswith("&lt;script&gt;") for value in values)


def test_learning_curves_have_each_score_once():
    data = made_up.search()
    traces = learning_curves(data).figure["data"]
    points = [(x, y) for t in traces for x, y in zip(t["x"], t["y"], strict=True) if x is not None]
    expected = []
    for bracket, rung in data.history.rungs():
        n_resources = data.history.n_resources(bracket, rung)
        expected += [
            (n_resources, float(f"{standing.score:.5g}"))
            for standing in data.history.standings(bracket, rung)
        ]
    assert sorted(points) == sorted(expected)


def test_the_best_is_the_last_line_in_front():
    data = made_up.search()
    (trace,) = parallel_coordinates(data)[0].figure["data"]
    last = trace["dimensions"][-1]["values"][-1]
    assert last == pytest.approx(max(trace["dimensions"][-1]["values"]), rel=1e-4)
    assert trace["line"]["color"][-1] == max(trace["line"]["color"])
