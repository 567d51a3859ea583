"""The charts of the HTML report: plotly's figures as plain data, every text in them escaped."""

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np

from sktune.report.axes_of_values import ValueAxis, is_missing, word
from sktune.report.data import SearchData
from sktune.report.display import COLORS, STRONG, WEAK, label_of
from sktune.report.tables import (
    curves,
    progress,
    reached_top,
    results,
    scores_by_setting,
    short_names,
)

Figure = dict[str, Any]
_MANY = 2000  # dots, from which on the graphics card draws
_MOST_TICKS = 8
# From light to dark, as matplotlib's viridis.
SHADES = (
    *("#B5DE2B", "#6ECE58", "#35B779", "#1F9E89"),
    *("#26828E", "#31688E", "#3E4989", "#482878"),
)


class Chart(NamedTuple):
    """A chart, and what it shows."""

    title: str
    note: str
    figure: Figure


def charts(data: SearchData) -> list[Chart]:
    """Return the charts of a search that there is something to draw for."""
    if not len(curves(data)):
        return []
    settings, names = scores_by_setting(data)
    varied = [name for name in names if ValueAxis.of(list(settings[name])).numbers]
    own = [by_hyperparameter(data, settings, name) for name in varied]
    return [learning_curves(data), best_so_far([data]), *own]


def learning_curves(data: SearchData) -> Chart:
    """Return the scores of all candidates against the resource."""
    table = curves(data).sort_values(["candidate_id", "n_resources"])
    is_last = reached_top(table)
    traces = []
    for rows, name, color, width in (
        (table[~is_last], "stopped earlier", WEAK, 1),
        (table[is_last], "reached the highest rung", STRONG, 2.5),
    ):
        look = {"line": {"color": color, "width": width}, "marker": {"size": 4}}
        called = f"{rows['candidate_id'].nunique()} {name}"
        traces.append(_scatter(*_broken(rows), called, mode="lines+markers") | look)
    levels = sorted({int(level) for level in table["n_resources"]})
    axis = {"type": "log", "tickvals": levels, "ticktext": list(map(str, levels))}
    figure = _figure(traces, data.resource, label_of(data.metric), xaxis=axis)
    note = "Each line is a candidate, its score the mean over folds."
    return Chart("Learning curves", note, figure)


def _broken(rows: Any) -> tuple[list[Any], list[Any], list[str]]:
    """Return the points of many lines as one, with a gap after each."""
    points: list[tuple[Any, Any, str]] = []
    for number, group in rows.groupby("candidate_id", sort=False):
        text = f"candidate {number}"
        for n_resources, score in zip(group["n_resources"], group["score"], strict=True):
            points.append((int(n_resources), _short(score), text))
        points.append((None, None, ""))
    x, y, texts = map(list, zip(*points, strict=True)) if points else ([], [], [])
    return x, y, texts


def best_so_far(searches: Sequence[SearchData]) -> Chart:
    """Return the best score so far of one or more searches, against time."""
    traces = []
    for number, data in enumerate(searches):
        table = progress(data)
        texts = [
            f"candidate {c} at {n}"
            for c, n in zip(table["candidate_id"], table["n_resources"], strict=True)
        ]
        line = {"color": COLORS[number % len(COLORS)], "width": 2.5, "shape": "hv"}
        x, y = _numbers(table["seconds"]), _numbers(table["score"])
        traces.append(_scatter(x, y, texts, name=data.name, mode="lines+markers", line=line))
    title = f"best {label_of(searches[0].metric)} so far"
    note = "The best mean over folds that any candidate had, at any rung, after so many seconds."
    return Chart("Best so far", note, _figure(traces, "seconds", title))


def by_hyperparameter(data: SearchData, table: Any, name: str) -> Chart:
    """Return the scores against a hyperparameter, a color for each resource."""
    axis = ValueAxis.of(list(table[name]))
    levels = sorted({int(level) for level in table["n_resources"]})
    traces = []
    for place, level in enumerate(levels):
        rows = table[(table["n_resources"] == level) & (table["status"] == "ok")]
        values = [v for v in rows[name] if not is_missing(v)]
        kept = rows[[not is_missing(v) for v in rows[name]]]
        x = [escape(word(v)) for v in values] if axis.words else _numbers(values)
        texts = [f"candidate {number}" for number in kept["candidate_id"]]
        marker = {"color": _shade(place, len(levels)), "size": 6 if len(rows) < 500 else 3}
        y = _numbers(kept["score"])
        traces.append(
            _scatter(x, y, texts, name=f"{level} {data.resource}", mode="markers", marker=marker)
        )
    n_failed = int((table["status"] != "ok").sum())
    note = "Each dot is a candidate at a rung."
    if n_failed:
        note += f" {n_failed} failed and are not shown."
    shown: Figure = {"type": "category" if axis.words else "log" if axis.is_log else "linear"}
    if not axis.words and len(axis.numbers) <= _MOST_TICKS:
        shown |= {"tickvals": _numbers(axis.numbers), "ticktext": [f"{n:g}" for n in axis.numbers]}
    figure = _figure(
        traces, name, label_of(data.metric), xaxis={"exponentformat": "power", **shown}
    )
    return Chart(f"Score against {name}", note, figure)


def parallel_coordinates(data: SearchData) -> list[Chart]:
    """Return the candidates as lines through their hyperparameters, if there are several."""
    table = results(data)
    own = short_names([candidate.params for candidate in data.history.candidates]).values()
    names = [name for name in own if ValueAxis.of(list(table[name])).numbers]
    if len(names) < 2 or not (table["status"] == "ok").any():
        return []
    # The best are drawn last, in front of the others.
    table = table[table["status"] == "ok"].sort_values("rank", ascending=False)
    dimensions = [_dimension(name, list(table[name])) for name in names]
    dimensions.append(_dimension(label_of(data.metric), list(table["score"])))
    ranks = list(range(len(table)))
    scale = [[place / (len(SHADES) - 1), shade] for place, shade in enumerate(SHADES)]
    line = {"color": ranks, "colorscale": scale, "cmin": 0, "cmax": max(1, len(ranks) - 1)}
    trace = {"type": "parcoords", "dimensions": dimensions, "line": line, "labelangle": -20}
    note = (
        "Each line is a candidate, where the search stopped with it; the best are drawn last. Drag "
        "along an axis to choose."
    )
    layout = {"height": 450, "margin": {"t": 90, "b": 30, "l": 70, "r": 60}}
    return [Chart("All hyperparameters together", note, {"data": [trace], "layout": layout})]


def _dimension(name: str, values: Sequence[Any]) -> Figure:
    axis = ValueAxis.of(values)
    places = axis.places(values)
    if axis.is_log:
        low, high = math.log10(axis.low), math.log10(axis.high)
        powers = [10.0**k for k in range(math.floor(low), math.ceil(high) + 1)]
        ticks = powers if len(axis.numbers) > _MOST_TICKS else list(axis.numbers)
        shown = {"tickvals": _numbers(np.log10(ticks)), "ticktext": [f"{t:g}" for t in ticks]}
        places = np.log10(places)
    elif axis.words:
        shown = {"tickvals": list(axis.numbers), "ticktext": list(axis.words)}
    else:
        shown = {}
    return {"label": escape(word(name)), "values": _numbers(places), **shown}


def importance_bars(table: Any, resource: str) -> Chart:
    """Return how much each hyperparameter mattered at each resource, with its range."""
    levels = sorted({int(level) for level in table["n_resources"]})
    traces = []
    for place, level in enumerate(levels):
        rows = table[table["n_resources"] == level][::-1]
        middle = rows["importance"]
        spread = {
            "type": "data",
            "symmetric": False,
            "array": _numbers((rows["high"] - middle).clip(lower=0)),
            "arrayminus": _numbers((middle - rows["low"]).clip(lower=0)),
        }
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": f"{level} {resource}",
                "y": [escape(word(name)) for name in rows["hyperparameter"]],
                "x": _numbers(middle),
                "error_x": spread,
                "marker": {"color": _shade(place, len(levels))},
            }
        )
    note = (
        "How far the values of the best tenth differ from all (PED-ANOVA), at each resource; the "
        "line is where 80 % of half the candidates say it is."
    )
    layout = {"barmode": "group"}
    return Chart("What mattered", note, _figure(traces, "importance", "", **layout))


def _scatter(x: Any, y: Any, texts: Sequence[str], name: str, **look: Any) -> Figure:
    return {
        "type": "scattergl" if len(x) > _MANY else "scatter",
        "x": x,
        "y": y,
        "text": texts,
        "name": escape(name),
        "hovertemplate": "%{text}<br>%{x}: %{y}<extra></extra>",
        **look,
    }


def _figure(traces: Sequence[Figure], x: str, y: str, **layout: Any) -> Figure:
    xaxis = {"title": {"text": escape(x)}, **layout.pop("xaxis", {})}
    whole = {"xaxis": xaxis, "yaxis": {"title": {"text": escape(y)}}, "height": 400, **layout}
    return {"data": list(traces), "layout": whole}


def _numbers(values: Iterable[Any]) -> list[float | None]:
    return [_short(value) for value in values]


def _short(value: Any) -> float | None:
    """Return a number with as many digits as a chart shows; None if it is not finite."""
    number = float(value)
    return float(f"{number:.5g}") if math.isfinite(number) else None


def _shade(place: int, n: int) -> str:
    """Return a color, the darker the later."""
    return SHADES[round((len(SHADES) - 1) * (place + 1) / n)]
