"""A fitted search in a notebook: what won, the rungs, and what to do next."""

import math
from html import escape
from typing import Any

from sktune.candidates import History, RungKey
from sktune.report.advice import advice
from sktune.report.data import SearchData
from sktune.report.display import label_of
from sktune.report.optimism import optimism
from sktune.report.page import table
from sktune.report.tables import rung_rows, short_names
from sktune.schedules import best

_STYLE = """<style>
.sktune-results {font-size: 90%; margin-top: 0.6em}
.sktune-results .wide {margin: 0.4em 1.5em 0.4em 0; float: left; overflow-x: auto}
.sktune-results table {border-collapse: collapse}
.sktune-results th, .sktune-results td {padding: 0.15em 0.7em; text-align: right; border: none}
.sktune-results th {border-bottom: 1px solid currentColor; font-weight: 600}
.sktune-results p {clear: both; margin: 0.3em 0; max-width: 48em}
</style>"""


def notebook_html(data: SearchData) -> str:
    """Return the results of a search as a piece of HTML, in which every text is escaped."""
    place = best(data.history)
    found = optimism(data)
    body = [_headline(data, place), _rungs(data)]
    if place is not None:
        body.append(_candidate(data.history, place))
    body += [f"<p>{escape(line)}</p>" for line in advice(data, found)]
    return f'{_STYLE}<div class="sktune-results">{"".join(body)}<p></p></div>'


def _headline(data: SearchData, place: RungKey | None) -> str:
    if place is None:
        return "<p>No candidate has a score on all folds.</p>"
    history = data.history
    scores = [report.score for report in history.folds(*place).values()]
    mean = math.fsum(scores) / len(scores)
    spread = f", {min(scores):.4g} to {max(scores):.4g} on {len(scores)} folds"
    n_resources = history.n_resources(place.bracket, place.rung)
    return (
        f"<p>Best of {len(history.candidates)} candidates: candidate {place.candidate_id}, "
        f"{escape(label_of(data.metric))} <b>{mean:.4f}</b>"
        f"{spread if len(scores) > 1 else ''}, after {n_resources} {escape(data.resource)}.</p>"
    )


def _rungs(data: SearchData) -> str:
    rows = [
        [
            *([row["bracket"]] if _has_brackets(data) else []),
            *(row["n_resources"], row["n_reached"], row["n_failed"]),
            *(_number(row["best"]), _number(row["median"])),
        ]
        for row in rung_rows(data)
    ]
    first = ["bracket"] if _has_brackets(data) else []
    return table([*first, data.resource, "candidates", "failed", "best", "median"], rows)


def _has_brackets(data: SearchData) -> bool:
    return len({row["bracket"] for row in data.plan}) > 1


def _candidate(history: History, place: RungKey) -> str:
    params = history.candidates[place.candidate_id].params
    names = short_names([params])
    return table(
        ["hyperparameter", "best"], [[names[n], _shown(value)] for n, value in params.items()]
    )


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _number(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else ""
