"""One printed line per rung, and scikit-learn's callbacks."""

import pickle
import re

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktune import MLPClassifier, SuccessiveHalvingSearchCV
from sktune.runs import AdvanceJob

X, Y = load_iris(return_X_y=True)


def halving(**settings):
    net = make_pipeline(StandardScaler(), MLPClassifier(random_state=0))
    space = {"mlpclassifier__lr": [0.001 * n for n in range(1, 10)]}
    settings = {"max_resources": 9, "cv": 2, "random_state": 0, **settings}
    return SuccessiveHalvingSearchCV(net, space, **settings)


def test_a_line_per_rung(capsys):
    search = halving(verbose=1).fit(X, Y)
    first, *lines, last = capsys.readouterr().out.splitlines()
    assert first == "rung 0:    9 candidates at    1 epochs on 2 folds, begun"
    best = search.cv_results_["candidate_id"][search.best_index_]
    assert last == f"refit of candidate {best} on all rows"
    form = r"rung (\d): +(\d+) candidates at +(\d+) epochs, best score ([\d.]+), [\d.]+ s"
    told = [re.fullmatch(form, line).groups() for line in lines]
    assert [tuple(map(int, line[:3])) for line in told] == [(0, 9, 1), (1, 3, 3), (2, 1, 9)]
    assert float(told[-1][3]) == pytest.approx(search.best_score_, abs=1e-4)


def test_nothing_is_printed_unasked(capsys):
    halving().fit(X, Y)
    assert capsys.readouterr().out == ""


callback = pytest.importorskip(
    "sklearn.callback", reason="scikit-learn has callbacks from version 1.9"
)


class Trace:
    """Records every event of the protocol."""

    def __init__(self, stop_at=None):
        self.events = []
        self.stop_at = stop_at

    def setup(self, estimator, context):
        self.events.append(("setup", context.task_name))

    def on_fit_task_begin(self, estimator, context):
        self.events.append(("begin", context.task_name))

    def on_fit_task_end(self, estimator, context):
        self.events.append(("end", context.task_name))
        return context.task_name == "halving-iteration" and self.stop_at == context.task_id

    def teardown(self, estimator, context):
        self.events.append(("teardown", context.task_name))


def rung(n_runs):
    run = [("begin", "candidate-split-evaluation"), ("end", "candidate-split-evaluation")]
    return [("begin", "halving-iteration"), *run * n_runs, ("end", "halving-iteration")]


EXPECTED = [
    ("setup", "fit"),
    ("begin", "fit"),
    ("begin", "search"),
    *rung(18),
    *rung(6),
    *rung(2),
    ("end", "search"),
    ("begin", "refit"),
    ("end", "refit"),
    ("end", "fit"),
    ("teardown", "fit"),
]


@pytest.mark.parametrize(("backend", "n_jobs"), [("loky", 1), ("loky", 2), ("threading", 2)])
def test_the_whole_tree_is_told(backend, n_jobs):
    trace = Trace()
    with parallel_config(backend, n_jobs=n_jobs):
        halving().set_callbacks(trace).fit(X, Y)
    assert trace.events == EXPECTED


def test_a_callback_may_end_the_search():
    trace = Trace(stop_at=0)
    search = halving().set_callbacks(trace).fit(X, Y)
    assert search.stop_reason_ == "callback"
    assert search.n_resources_ == [1]
    assert search.predict(X).shape == (150,)


def test_teardown_after_an_error():
    trace = Trace()
    search = halving(scoring=lambda e, X, y: 1 / 0, error_score="raise").set_callbacks(trace)
    with pytest.raises(ZeroDivisionError):
        search.fit(X, Y)
    assert trace.events[-1] == ("teardown", "fit")


def test_no_context_is_shipped_to_workers(monkeypatch):
    sizes = []
    create = AdvanceJob.__init__

    def measured(self, *args, **kwargs):
        create(self, *args, **kwargs)
        sizes.append(pickle.dumps(self))

    monkeypatch.setattr(AdvanceJob, "__init__", measured)
    halving().set_callbacks(Trace()).fit(X, Y)
    assert sizes
    assert all(b"callback" not in job.replace(b"callbacks", b"") for job in sizes)
    assert all(b"Trace" not in job for job in sizes)


def test_the_progress_bar(capsys):
    pytest.importorskip("rich", reason="scikit-learn's progress bar needs rich")
    search = halving(n_jobs=2).set_callbacks(callback.ProgressBar())
    search.fit(X, Y)
    assert "SuccessiveHalvingSearchCV - fit" in capsys.readouterr().out
    assert not [name for name in vars(search) if "callback" in name and name != "_skl_callbacks"]


def test_callbacks_change_no_result():
    plain, told = halving().fit(X, Y), halving().set_callbacks(Trace()).fit(X, Y)
    assert np.array_equal(plain.cv_results_["mean_test_score"], told.cv_results_["mean_test_score"])
