"""Scores against hyperparameters: one picture for each, with the right axis."""

import matplotlib.pyplot as plt
import pytest

from sktune.exceptions import InvalidSettingsError
from sktune.report import HyperparametersDisplay
from tests.report import made_up
from tests.report.laws import DisplayLaws


class TestHyperparameters(DisplayLaws):
    kind = HyperparametersDisplay

    def test_axes_are_logarithmic_where_values_were_drawn_so(self):
        display = HyperparametersDisplay.of(made_up.search(made_up.halving(81))).plot()
        scales = dict(zip(display.names, [ax.get_xscale() for ax in display.ax_], strict=True))
        assert scales == {
            "lr": "log",
            "dropout": "linear",
            "width": "log",
            "activation": "linear",
        }

    def test_few_numbers_and_words_are_written_out(self):
        display = HyperparametersDisplay.of(made_up.search()).plot()
        by_name = dict(zip(display.names, display.ax_, strict=True))
        ticks = {n: [t.get_text() for t in ax.get_xticklabels()] for n, ax in by_name.items()}
        assert ticks["width"] == ["32", "64", "128", "256"]
        assert ticks["activation"] == ["gelu", "relu", "tanh"]

    def test_failures_are_crosses(self):
        display = HyperparametersDisplay.of(made_up.search(fails=lambda c: c == 3)).plot()
        labels = [text.get_text() for text in display.figure_.legends[0].get_texts()]
        assert labels == ["1", "3", "9", "27", "failed"]

    def test_too_few_axes_are_refused(self):
        with pytest.raises(InvalidSettingsError, match="there are 4 hyperparameters, lr, "):
            HyperparametersDisplay.of(made_up.search()).plot(ax=plt.figure().add_subplot())
