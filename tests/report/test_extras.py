"""A library that is missing is named with the extra that brings it."""

import sys

import pytest

from sktune.exceptions import InvalidSettingsError
from sktune.report import LearningCurvesDisplay, importances, read_storage, results
from tests.report import made_up


@pytest.mark.parametrize(
    ("library", "name", "call"),
    [
        ("pandas", "table", lambda folder: read_storage(folder)),
        ("pandas", "table", lambda folder: results(made_up.search())),
        ("matplotlib.pyplot", "plot", lambda folder: LearningCurvesDisplay.from_storage(folder)),
        ("optuna", "optuna", lambda folder: importances(made_up.search())),
    ],
)
def test_a_missing_library_is_named(library, name, call, tmp_path, monkeypatch):
    folder = made_up.stored(tmp_path)
    monkeypatch.setitem(sys.modules, library, None)
    way_out = rf"needs {library.partition('.')[0]}, .* pip install 'sktune\[{name}\]'"
    with pytest.raises(InvalidSettingsError, match=way_out):
        call(folder)
