"""The best score so far, of one search and of several."""

import pytest

from sktune.report import AnytimeDisplay
from tests.report import made_up
from tests.report.laws import SingleAxesLaws


class TestAnytime(SingleAxesLaws):
    kind = AnytimeDisplay

    def table(self, display):
        return display.tables[0][1]

    @pytest.mark.parametrize("against", ["seconds", "trained"])
    def test_several_searches_share_their_axes(self, against, tmp_path):
        sources = [made_up.search(), made_up.stored(tmp_path / "other", seed=1)]
        display = AnytimeDisplay.from_searches(sources, against=against)
        names = [text.get_text() for text in display.ax_.get_legend().get_texts()]
        assert names == ["made up", "other"]
        ends = {line.get_xdata()[-1] for line in display.ax_.lines}
        assert len(ends) == 1
        for line, (_, table) in zip(display.ax_.lines, display.tables, strict=True):
            assert line.get_ydata()[-1] == table["score"].max()

    def test_names_can_be_given(self):
        display = AnytimeDisplay.from_searches([made_up.search()] * 2, names=["a", "b"])
        assert [name for name, _ in display.tables] == ["a", "b"]
