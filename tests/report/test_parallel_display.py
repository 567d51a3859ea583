"""Parallel coordinates: a line for each candidate that has not failed."""

import numpy as np

from sktune.report import ParallelCoordinatesDisplay
from tests.report import made_up
from tests.report.laws import SingleAxesLaws


class TestParallelCoordinates(SingleAxesLaws):
    kind = ParallelCoordinatesDisplay

    def test_a_line_goes_through_the_settings_to_the_score(self):
        display = ParallelCoordinatesDisplay.of(
            made_up.search(fails=lambda candidate: candidate == 4)
        ).plot()
        lines = display.ax_.collections[0].get_segments()
        table = display.table[display.table["status"] == "ok"]
        assert len(lines) == len(table) == 26
        names = [*display.names, "score"]
        # the best is drawn last, in front
        best = table.sort_values("rank").iloc[0]
        for name, (_, height) in zip(names, lines[-1], strict=True):
            if name in ("lr", "dropout", "score"):
                values = table[name].astype(float)
                values = np.log(values) if name == "lr" else values
                value = np.log(best[name]) if name == "lr" else best[name]
                share = (value - values.min()) / (values.max() - values.min())
                assert height == np.float64(share) or abs(height - share) < 1e-12
