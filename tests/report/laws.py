"""The law suite of displays: each draws every kind of search, and says what it was drawn from."""

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest

from sktune.report import SearchData
from tests.report import made_up
from tests.report.kinds import KINDS


class DisplayLaws:
    """A subclass gives ``kind``, and ``table`` for what a display was drawn from."""

    kind = None

    def table(self, display):
        return display.table

    @pytest.fixture(autouse=True)
    def _close(self):
        yield
        plt.close("all")

    @pytest.mark.parametrize("name", KINDS)
    def test_it_draws_every_search(self, name, tmp_path):
        display = self.kind.of(KINDS[name]()).plot()
        axes = np.atleast_1d(display.ax_)
        if len(axes):
            assert display.figure_ is axes[0].figure
            display.figure_.savefig(tmp_path / "picture.png")
            assert (tmp_path / "picture.png").stat().st_size > 1000

    def test_a_storage_and_its_search_look_alike(self, tmp_path):
        stored = self.kind.from_storage(made_up.stored(tmp_path / "made up"))
        fitted = self.kind.of(made_up.search())
        assert self.table(stored).equals(self.table(fitted))

    def test_nothing_is_drawn_before_it_is_asked_for(self):
        display = self.kind.of(made_up.search())
        assert not hasattr(display, "figure_")
        assert not plt.get_fignums()

    def test_the_data_are_left_as_they_were(self):
        display = self.kind.of(made_up.search())
        before = self.table(display).copy()
        display.plot()
        assert self.table(display).equals(before)

    def test_thousands_of_candidates(self):
        data = made_up.search(made_up.halving(2187, max_resources=243, n_folds=2))
        display = self.kind.of(data).plot()
        display.figure_.canvas.draw()

    def test_it_is_drawn_on_a_dark_page(self):
        with plt.style.context("dark_background"):
            self.kind.of(made_up.search()).plot().figure_.canvas.draw()

    def test_a_fitted_search_is_read(self):
        assert isinstance(self.kind.of(SearchData.of(made_up.search())), self.kind)


class SingleAxesLaws(DisplayLaws):
    """A display of one pair of axes."""

    def test_it_draws_where_it_is_told(self):
        _, (left, right) = plt.subplots(1, 2)
        display = self.kind.of(made_up.search()).plot(ax=right)
        assert display.ax_ is right
        assert display.figure_ is right.figure
        assert not left.has_data()
