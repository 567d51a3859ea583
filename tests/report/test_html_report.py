"""The HTML report: of every search, in a real browser, with nothing from outside."""

import pytest
from sklearn.datasets import load_iris

from sktune import MLPClassifier, SuccessiveHalvingSearchCV
from sktune.cli import main
from sktune.report import write_report
from tests.report import made_up
from tests.report.browser import browsed, needs_browser
from tests.report.kinds import KINDS, brute_force_best
from tests.report.test_notebook import Texts


def batched(names, n):
    """Return names in groups: Python's own is there from 3.12 on."""
    names = list(names)
    return [names[k : k + n] for k in range(0, len(names), n)]


# Charts are drawn when they come near the screen, or are printed.
N_DRAWN = """
    dispatchEvent(new Event('beforeprint'));
    const charts = [...document.querySelectorAll('.chart')];
    return {
        charts: charts.length,
        drawn: charts.filter(c => c.querySelector('svg, canvas')).length,
        requests: performance.getEntriesByType('resource').length,
        dialogs: window.alerted || 0,
        overflow: charts.filter(c => c.scrollWidth > c.clientWidth + 1).length,
    };
"""


class Page(Texts):
    """Leaves out what is in scripts and styles, and tags that are not closed."""

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "br"):
            super().handle_starttag(tag, attributes)
        for name, value in attributes:
            assert name not in ("src", "href", "onerror", "onclick"), value

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            super().handle_data(data)


@pytest.mark.parametrize("kind", KINDS)
def test_every_search_has_a_report(kind, tmp_path):
    data = KINDS[kind]()
    file = write_report([data], tmp_path / "report.html")
    found = Page()
    found.feed(file.read_text(encoding="utf-8"))
    assert not found.open
    text = " ".join(found.texts)
    best = brute_force_best(data)
    assert (f"{best:.4f}" in text) == (best == best)
    if any(report.error for report in data.history):
        assert "no <b>luck</b>" in text


@needs_browser
@pytest.mark.parametrize("names", [list(KINDS), *batched(KINDS, 4)])
def test_a_browser_draws_every_search_without_an_error_or_a_request(names, tmp_path):
    file = write_report([KINDS[name]() for name in names], tmp_path / "report.html")
    answer, console = browsed(file, N_DRAWN)
    assert not console
    assert answer["drawn"] == answer["charts"] > 0
    assert answer["requests"] == answer["dialogs"] == answer["overflow"] == 0


@needs_browser
@pytest.mark.parametrize("dark", [False, True])
def test_on_a_phone_in_light_and_in_the_dark(dark, tmp_path):
    file = write_report([made_up.search()], tmp_path / "report.html")
    script = N_DRAWN.replace(
        "return {",
        "return {wide: document.documentElement.scrollWidth - innerWidth,"
        "color: getComputedStyle(document.querySelector('.chart text')).fill,",
    )
    answer, console = browsed(file, script, width=500, dark=dark)
    assert not console
    assert answer["wide"] <= 0
    assert answer["color"] == ("rgb(255, 255, 255)" if dark else "rgb(0, 0, 0)")


@needs_browser
def test_hovering_over_a_dot_tells_its_candidate(tmp_path):
    file = write_report([made_up.search()], tmp_path / "report.html")
    script = """
        dispatchEvent(new Event('beforeprint'));
        Plotly.Fx.hover('chart2', [{curveNumber: 0, pointNumber: 3}]);
        await new Promise(done => setTimeout(done, 300));
        return [...document.querySelectorAll('#chart2 .hovertext text')].map(t => t.textContent);
    """
    answer, console = browsed(file, script)
    assert not console
    assert any("candidate 3" in text for text in answer)


def test_thousands_of_candidates_are_less_than_6_megabytes(tmp_path):
    data = made_up.search(made_up.halving(2187, max_resources=243))
    assert write_report([data], tmp_path / "report.html").stat().st_size < 6e6


def test_several_storages_stand_side_by_side(tmp_path, capsys):
    folders = [made_up.stored(tmp_path / name, seed=k) for k, name in enumerate("ab")]
    output = tmp_path / "both.html"
    assert main(["report", *map(str, folders), "-o", str(output)]) == 0
    assert capsys.readouterr().out == f"wrote {output}\n"
    text = output.read_text(encoding="utf-8")
    for heading in ("<h1>Searches side by side</h1>", "<h1>a</h1>", "<h1>b</h1>"):
        assert heading in text


def test_a_fitted_search_tells_what_it_was_given(tmp_path):
    search = SuccessiveHalvingSearchCV(
        MLPClassifier(), {"lr": [1e-3, 1e-2, 1e-1]}, max_resources=3, cv=3, random_state=0,
        storage=tmp_path / "storage",
    )  # fmt: skip
    search.fit(*load_iris(return_X_y=True))
    texts = []
    for source in (search, tmp_path / "storage"):
        found = Page()
        found.feed(write_report([source], tmp_path / "report.html").read_text(encoding="utf-8"))
        names = type(search).__name__, "storage"
        texts.append([text for text in found.texts if not text.endswith(names)])
        text = " ".join(found.texts)
        assert "150 x 4 float64" in text
        assert "3 folds of 50 validation rows" in text
        assert "State: finished." in text
    assert texts[0] == texts[1]


def test_what_is_no_storage_is_refused(tmp_path, capsys):
    assert main(["report", str(tmp_path), "-o", str(tmp_path / "report.html")]) == 2
    assert "no journal.jsonl" in capsys.readouterr().err
    assert not (tmp_path / "report.html").exists()
