"""The HTML report of one search or several: what was searched, what won, and what to do next."""

import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sktune.exceptions import InvalidSettingsError, count_causes
from sktune.report.advice import advice
from sktune.report.axes_of_values import is_missing
from sktune.report.charts import Chart, best_so_far, charts, importance_bars, parallel_coordinates
from sktune.report.data import SearchData, Source
from sktune.report.display import label_of
from sktune.report.extras import extra
from sktune.report.importances import importances
from sktune.report.optimism import optimism
from sktune.report.page import chart_place, code, folded, heading, page, paragraph, table
from sktune.report.tables import results, rung_rows, short_names, stacking
from sktune.schedules import best

_MOST_SHOWN, _LONGEST, _FEW = 20, 300, 4
_WITHOUT = ("bracket", "rung", "error")
_RUNG_KEYS = (
    *("bracket", "rung", "n_resources", "n_candidates"),
    *("n_reached", "n_failed", "best", "median"),
)


def write_report(sources: Sequence[Source], path: str | os.PathLike[str]) -> Path:
    """Write the report of searches as one HTML file that needs no network.

    Parameters
    ----------
    sources : sequence of fitted searches or paths
        Searches, and storage directories, also of searches that are running.
    path : str or path
        The file.

    Returns
    -------
    path : Path
        The file.

    Raises
    ------
    InvalidSettingsError
        If plotly or pandas is missing, which ``pip install 'sktune[report]'`` brings.
    StorageError
        If a path is no storage directory, or it is damaged.
    """
    library = extra("plotly.offline", "report", "A report").get_plotlyjs()
    found = [SearchData.of(source) for source in sources]
    drawn: list[Chart] = []
    # Browsers draw a few only of what needs the graphics card.
    whole = [parallel_coordinates(data) if len(found) <= _FEW else [] for data in found]
    body = [
        line
        for data, more in zip(found, whole, strict=True)
        for line in _section(data, [*charts(data), *more, *_importances(data)], drawn)
    ]
    if len(found) > 1:
        chart = best_so_far(found)
        body = [heading("Searches side by side", 1), chart_place(len(drawn), chart), *body]
        drawn.append(chart)
    file = Path(path)
    title = "sktune: " + ", ".join(data.name for data in found)
    file.write_text(page(title, body, drawn, library), encoding="utf-8")
    return file


def _section(data: SearchData, own: Sequence[Chart], drawn: list[Chart]) -> Iterator[str]:
    yield heading(data.name, 1)
    yield from _winner(data)
    for chart in own:
        yield chart_place(len(drawn), chart)
        drawn.append(chart)
    yield from _rungs(data)
    yield from _best_candidates(data)
    yield from _failures(data)
    yield from _training(data)
    yield from _given(data)


def _winner(data: SearchData) -> Iterator[str]:
    history, place, found = data.history, best(data.history), optimism(data)
    state = f"State: {data.state}. " if data.state else ""
    n_seen = len({report.candidate_id for report in history})
    if place is None:
        yield paragraph(f"{state}No candidate has a score on all folds yet.")
    else:
        scores = [report.score for _, report in sorted(history.folds(*place).items())]
        n_resources = history.n_resources(place.bracket, place.rung)
        mean, metric = sum(scores) / len(scores), label_of(data.metric)
        yield paragraph(
            f"{state}Best of {n_seen} candidates: candidate {place.candidate_id}, {metric} "
            f"{mean:.4f} after {n_resources} {data.resource}."
        )
        params = history.candidates[place.candidate_id].params
        names = short_names([params])
        yield table(["hyperparameter", "best"], [[names[n], _cell(v)] for n, v in params.items()])
        folds = [f"{score:.4f}" for score in scores]
        yield table([f"fold {k}" for k in range(len(folds))], [folds])
        if found is not None:
            yield paragraph(
                f"Chosen without each fold in turn, the winner scores {found.estimate:.4f} "
                f"(standard error {found.standard_error:.4f}) on that fold: the best score is "
                f"about {found.optimism:.4f} too high."
            )
        yield heading("The code that trains it")
        yield code(_code(params))
    said = advice(data, found)
    if said:
        yield heading("What to do next")
        yield from map(paragraph, said)


def _code(params: Any) -> str:
    settings = "\n".join(f"    {name!r}: {value!r}," for name, value in params.items())
    return (
        "from sklearn.base import clone\n\n"
        "# `estimator` is what was searched, see the end of this page\n"
        f"model = clone(estimator).set_params(**{{\n{settings}\n}})\nmodel.fit(X, y)"
    )


def _importances(data: SearchData) -> Iterator[Chart]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = importances(data, n_samples=10)
    except InvalidSettingsError:
        return
    if len(found):
        yield importance_bars(found, data.resource)


def _rungs(data: SearchData) -> Iterator[str]:
    names = ["bracket", "rung", data.resource, "planned", "came", "failed", "best", "median"]
    yield heading("Rungs")
    yield table(names, [[_cell(row[key]) for key in _RUNG_KEYS] for row in rung_rows(data)])


def _best_candidates(data: SearchData) -> Iterator[str]:
    found = results(data)
    shown = found.head(_MOST_SHOWN).drop(columns=list(_WITHOUT), errors="ignore")
    yield heading("Candidates")
    if len(found) > _MOST_SHOWN:
        yield paragraph(f"The best {_MOST_SHOWN} of {len(found)}.", "note")
    yield table(
        list(shown.columns), [list(map(_cell, row)) for row in shown.itertuples(index=False)]
    )


def _failures(data: SearchData) -> Iterator[str]:
    errors = [report.error for report in data.history if report.error]
    if errors:
        yield heading("Failures")
        yield paragraph(f"{len(errors)} of {len(data.history.reports)} runs failed.")
        yield code("\n".join(map(_cut, count_causes(errors).splitlines()[:_MOST_SHOWN])))


def _training(data: SearchData) -> Iterator[str]:
    reports, told = data.history.reports, stacking(data.history)
    yield heading("How it was trained")
    rows = {
        "candidates": len(data.history.candidates),
        "runs reported": len(reports),
        "seconds until the last report": max((r.end_time for r in reports), default=0.0),
        "seconds of training, all workers together": sum(r.fit_time for r in reports),
        "seconds of scoring, all workers together": sum(r.score_time for r in reports),
        "networks trained in stacks": told["stacked"],
        "networks trained alone": told["solo"],
        "mean size of stacks": told["mean_size"],
    }
    yield table([], [[name, _cell(value)] for name, value in rows.items()])
    if told["reasons"]:
        reasons = [[count, _cut(reason)] for reason, count in told["reasons"].items()]
        yield table(["networks", "why alone"], reasons)


def _given(data: SearchData) -> Iterator[str]:
    if data.given:
        yield heading("What was searched")
    for group, things in data.given.items():
        yield folded(group, [table([], [[name, _cut(text)] for name, text in things.items()])])


def _cell(value: Any) -> str:
    if is_missing(value):
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    return _cut(str(value))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
