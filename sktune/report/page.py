"""The page of the HTML report: one file that needs no network, readable on a phone and printed."""

import json
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from sktune.report.charts import SHADES, Chart

_STYLE = """
:root {color-scheme: light dark; --line: #8884; --weak: #888}
* {box-sizing: border-box}
body {font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem}
h1 {font-size: 1.6rem; margin: 0.5rem 0} h2 {font-size: 1.25rem; margin: 2rem 0 0.3rem}
h3 {font-size: 1.05rem; margin: 1.2rem 0 0.2rem}
.wide {overflow-x: auto}
table {border-collapse: collapse; font-variant-numeric: tabular-nums}
th, td {padding: 0.2rem 0.8rem 0.2rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line); max-width: 30rem; overflow-wrap: break-word}
th {white-space: nowrap}
pre {overflow-x: auto; padding: 0.8rem; border: 1px solid var(--line); border-radius: 4px}
.note {color: var(--weak); margin: 0}
.big {font-size: 1.3rem}
.chart {width: 100%; min-height: 400px; overflow: hidden}
details {margin: 0.5rem 0}
@media print {body {max-width: none} .chart {break-inside: avoid} details {display: block}}
"""
# Charts take the colors of the page, and again when these change. On a dark page shades are
# reversed: the last are those that must be seen. A chart is drawn when it comes near the screen.
_SCRIPT = """
const charts = JSON.parse(document.getElementById("charts").textContent);
const shades = SHADES;
const isDark = window.matchMedia("(prefers-color-scheme: dark)");
const drawn = new Set();
function shaded(data) {
  if (!isDark.matches) return data;
  return JSON.parse(JSON.stringify(data), (key, value) =>
    shades.includes(value) ? shades[shades.length - 1 - shades.indexOf(value)] : value);
}
function draw(k) {
  const chart = charts[k];
  const grid = "rgba(128,128,128,0.25)";
  const axis = {gridcolor: grid, zerolinecolor: grid, linecolor: grid, automargin: true};
  const layout = Object.assign({margin: {l: 60, r: 20, t: 20, b: 50}, autosize: true,
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: {color: getComputedStyle(document.body).color},
    hovermode: "closest", legend: {orientation: "h", y: -0.2}}, chart.layout);
  layout.xaxis = Object.assign({}, axis, chart.layout.xaxis);
  layout.yaxis = Object.assign({}, axis, chart.layout.yaxis);
  const settings = {responsive: true, displayModeBar: false};
  Plotly.react("chart" + k, shaded(chart.data), layout, settings);
  drawn.add(k);
}
const near = new IntersectionObserver(entries => entries.forEach(entry => {
  const k = Number(entry.target.id.slice("chart".length));
  if (entry.isIntersecting && !drawn.has(k)) draw(k);
}), {rootMargin: "600px"});
charts.forEach((chart, k) => near.observe(document.getElementById("chart" + k)));
isDark.addEventListener("change", () => drawn.forEach(draw));
addEventListener("beforeprint", () => charts.forEach((chart, k) => drawn.has(k) || draw(k)));
""".replace("SHADES", json.dumps(SHADES))


def page(title: str, body: Iterable[str], charts: Sequence[Chart], library: str) -> str:
    """Return a page as text.

    Parameters
    ----------
    title : str
        What it is called.
    body : iterable of str
        HTML, with a place for each chart (:func:`chart_place`).
    charts : sequence of Chart
        In the order of their places.
    library : str
        plotly's JavaScript.
    """
    figures = json.dumps([chart.figure for chart in charts], separators=(",", ":"))
    # Within a script nothing is escaped but what could end it.
    safe = figures.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
            *body,
            f'<script id="charts" type="application/json">{safe}</script>',
            f"<script>{library}</script>" if charts else "",
            f"<script>{_SCRIPT}</script>" if charts else "",
            "</body></html>\n",
        ]
    )


def heading(text: str, level: int = 2) -> str:
    """Return a heading."""
    return f"<h{level}>{escape(text)}</h{level}>"


def paragraph(text: str, kind: str = "") -> str:
    """Return a paragraph."""
    return f'<p class="{escape(kind)}">{escape(text)}</p>'


def table(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table; without names it has no head."""
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    lines = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    top = f"<thead><tr>{head}</tr></thead>" if names else ""
    return f'<div class="wide"><table>{top}<tbody>{lines}</tbody></table></div>'


def code(text: str) -> str:
    """Return code as it is."""
    return f"<pre><code>{escape(text)}</code></pre>"


def folded(title: str, body: Iterable[str]) -> str:
    """Return what is shown when it is asked for."""
    return f"<details><summary>{escape(title)}</summary>{''.join(body)}</details>"


def chart_place(number: int, chart: Chart) -> str:
    """Return where a chart is drawn, with what it shows."""
    title, note = escape(chart.title), escape(chart.note)
    return f'<h3>{title}</h3><p class="note">{note}</p><div class="chart" id="chart{number}"></div>'
