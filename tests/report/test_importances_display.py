"""Importances as bars: one for each hyperparameter and resource."""

import pytest

from sktune.report import ImportancesDisplay
from tests.report import made_up
from tests.report.laws import SingleAxesLaws


@pytest.mark.filterwarnings("ignore::sktune.exceptions.TooLittleDataWarning")  # of small searches
class TestImportances(SingleAxesLaws):
    kind = ImportancesDisplay

    def test_bars_are_as_long_as_what_they_say(self):
        display = ImportancesDisplay.of(made_up.search(made_up.halving(81))).plot()
        lengths = sorted(bar.get_width() for bars in display.ax_.containers for bar in _bars(bars))
        assert lengths == pytest.approx(sorted(display.table["importance"]))


def _bars(container):
    return container.patches if hasattr(container, "patches") else []
