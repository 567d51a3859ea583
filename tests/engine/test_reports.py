"""A run is reported with all that was measured, or with why nothing was."""

import math

import pytest

from sktune.candidates import Advance, Failure, Run, RungKey
from sktune.engine.reports import failed, reached
from sktune.exceptions import DivergedError
from sktune.runs import Advanced

ACTION = Advance(candidate_id=4, bracket=1, rung=2, n_resources=9, n_folds=3)
RUN = Run(4, 1)


def test_what_was_measured():
    measured = {
        "score": 0.5,
        "scores": {"accuracy": 0.5, "f1": 0.4},
        "train_scores": {"accuracy": 0.9, "f1": 0.8},
        "n_parameters": 12,
        "fit_time": 1.5,
        "score_time": 0.25,
        "stack_size": 6,
        "solo_reason": "why not",
    }
    report = reached(RUN, ACTION, Advanced(b"a snapshot", **measured))
    assert {name: getattr(report, name) for name in measured} == measured
    assert report.run == RUN
    assert report.place == RungKey(4, 1, 2)
    assert (report.n_resources, report.n_folds) == (9, 3)
    assert (report.status, report.error) == ("ok", "")


@pytest.mark.parametrize(
    ("error", "status"), [(DivergedError("the loss is nan"), "diverged"), (KeyError(1), "failed")]
)
def test_what_went_wrong(error, status):
    report = failed(RUN, ACTION, Failure.of(error, 2.5))
    assert math.isnan(report.score)
    assert report.status == status
    assert report.error.startswith(type(error).__name__)
    assert report.fit_time == 2.5
    assert report.place == RungKey(4, 1, 2)
    assert (report.run, report.n_resources, report.n_folds) == (RUN, 9, 3)
