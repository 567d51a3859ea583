"""Pieces of a page: whatever a text holds, it stays a text."""

from hypothesis import given
from hypothesis import strategies as st

from sktune.report.charts import Chart
from sktune.report.page import chart_place, code, folded, heading, page, paragraph, table
from tests.report.test_notebook import Texts


@given(st.text())
def test_texts_are_read_as_they_were_written(text):
    written = [
        *(heading(text), paragraph(text), code(text), table([text], [[text]])),
        *(folded(text, []), chart_place(0, Chart(text, text, {}))),
    ]
    for html in written:
        found = Texts()
        found.feed(html)
        found.close()
        assert not found.open
        assert found.tags <= {
            *("h2", "p", "pre", "code", "div", "table", "thead", "tbody", "tr", "th", "td"),
            *("details", "summary", "h3"),
        }


def test_nothing_in_a_chart_ends_its_script():
    chart = Chart("title", "note", {"data": [{"text": ["</script><b>"]}]})
    whole = page("title", [], [chart], "library")
    assert "</script><b>" not in whole
    assert whole.count("</script>") == 3
