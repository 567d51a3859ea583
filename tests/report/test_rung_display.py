"""Rungs: the dots of each are its candidates, dark if they went on."""

from sktune.report import RungsDisplay
from tests.report import made_up
from tests.report.kinds import KINDS
from tests.report.laws import SingleAxesLaws


class TestRungs(SingleAxesLaws):
    kind = RungsDisplay

    def test_each_candidate_is_a_dot_at_each_rung(self):
        display = RungsDisplay.of(made_up.search()).plot()
        n_dots = sum(len(dots.get_offsets()) for dots in display.ax_.collections)
        assert n_dots == 27 + 9 + 3 + 1

    def test_the_ticks_say_how_many_came_of_how_many(self):
        display = RungsDisplay.of(KINDS["running"]()).plot()
        first, *others = [tick.get_text() for tick in display.ax_.get_xticklabels()]
        assert first == "1\n27"
        assert all("of" in text for text in others)

    def test_failures_are_counted(self):
        display = RungsDisplay.of(made_up.search(fails=lambda c: c in (3, 7))).plot()
        assert "2 failed" in [text.get_text() for text in display.ax_.texts]
