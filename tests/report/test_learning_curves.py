"""Learning curves: who is drawn strong, and that nothing is hidden without a word."""

import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import to_rgb

from sktune.report import LearningCurvesDisplay
from tests.report import made_up
from tests.report.kinds import KINDS
from tests.report.laws import SingleAxesLaws


class TestLearningCurves(SingleAxesLaws):
    kind = LearningCurvesDisplay

    def test_the_legend_counts_all_candidates(self):
        data = made_up.search(fails=lambda candidate: candidate in (3, 7))
        legend = LearningCurvesDisplay.of(data).plot().ax_.get_legend().get_texts()
        counts = [int(text.get_text().split()[0]) for text in legend]
        assert sum(counts) == 27 - 2

    def test_the_survivor_has_its_scores(self):
        display = LearningCurvesDisplay.of(made_up.search()).plot()
        top = display.table[display.table["last_rung"] == 3].sort_values("n_resources")
        strong = [line for line in display.ax_.lines if len(line.get_xdata()) == 4]
        assert [list(line.get_ydata()) for line in strong] == [list(top["score"])]

    @pytest.mark.parametrize("style", ["default", "dark_background", "grayscale"])
    def test_the_survivor_stands_out(self, style):
        with plt.style.context(style):
            display = LearningCurvesDisplay.of(made_up.search()).plot()
        page = _brightness(display.ax_.get_facecolor())
        (strong,) = [line for line in display.ax_.lines if len(line.get_xdata()) == 4]
        weak = display.ax_.collections[0].get_color()[0]
        assert abs(_brightness(strong.get_color()) - page) > abs(_brightness(weak) - page) + 0.2

    def test_scores_that_are_too_low_to_be_shown_are_counted(self):
        display = LearningCurvesDisplay.of(KINDS["scores far below"]()).plot()
        (text,) = [t.get_text() for t in display.ax_.texts]
        low, _ = display.ax_.get_ylim()
        n_below = (display.table["score"] < low).sum()
        assert n_below
        assert text == f"{n_below} scores are below"


def _brightness(color):
    return sum(share * part for share, part in zip((0.3, 0.6, 0.1), to_rgb(color), strict=True))
