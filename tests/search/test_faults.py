"""Law 6 with real faults: the search ends, the guilty is named, and all others are untouched."""

import os
import signal
import threading
import time
import warnings

import pytest
from joblib import parallel_config
from sklearn.datasets import load_iris
from sklearn.exceptions import FitFailedWarning
from sklearn.preprocessing import StandardScaler, scale

from sktune import SuccessiveHalvingSearchCV
from sktune.exceptions import AllRunsFailedError, LostWorkerError
from tests.user_nets import Trouble, classifier

X, Y = load_iris(return_X_y=True)
X = scale(X).astype("f4")
# Rungs are 3, 6 and 12 epochs; the guilty one gets on, since it learns fastest.
RATES = [0.0001, 0.0002, 0.2, 0.0003]
GUILTY = 2


def search(kind, epoch=3, above=0.1, **settings):
    settings = {"n_jobs": 2, "cv": 2, "max_retries": 0, "refit": False, **settings}
    net = classifier(callbacks=[("trouble", Trouble(kind, epoch, above))])
    return SuccessiveHalvingSearchCV(
        net, {"lr": RATES}, sampler="grid", factor=2, max_resources=12, random_state=0, **settings
    )


def scores(fitted):
    return {
        (r["candidate_id"], r["fold"], r["n_resources"]): r["test_score"]
        for r in fitted.history_
        if r["candidate_id"] != GUILTY
    }


@pytest.fixture(scope="module")
def clean():
    fitted = search("error", above=1.0).fit(X, Y)
    assert (GUILTY, 6) in {(r["candidate_id"], r["n_resources"]) for r in fitted.history_}
    return scores(fitted)


DIED = "LostWorkerError: its worker process died"
SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("kind", "epoch", "reason", "settings"),
    [
        ("error", 3, "RuntimeError: trouble in an epoch", {}),
        ("error", 5, "RuntimeError: trouble in an epoch", {}),
        ("eat", 3, "RuntimeError: .*memory", {}),
        ("eat", 5, "RuntimeError: .*memory", {}),
        ("exit", 3, DIED, {}),
        pytest.param("exit", 5, DIED, {"max_retries": 1}, marks=SLOW),
        pytest.param("exit", 3, DIED, {"stacking": False}, marks=SLOW),
        pytest.param("segfault", 5, DIED, {}, marks=SLOW),
        pytest.param("kill", 5, DIED, {}, marks=SLOW),
        pytest.param(
            "hang",
            5,
            "RunTimeoutError: it took longer than 3 s, and was in .*user_nets.py.* in hang",
            {"run_timeout": 3},
            marks=SLOW,
        ),
    ],
)
def test_a_fault_is_found_and_harms_nobody(clean, kind, epoch, reason, settings):
    with pytest.warns(FitFailedWarning, match=f"2 of .* runs failed(?s:.*){reason}"):
        fitted = search(kind, epoch, **settings).fit(X, Y)
    failed = [r for r in fitted.history_ if r["status"] != "ok"]
    rung = {3: 3, 5: 6}[epoch]
    assert [(r["candidate_id"], r["n_resources"]) for r in failed] == [(GUILTY, rung)] * 2
    found = scores(fitted)
    for key in found.keys() & clean.keys():
        assert found[key] == clean[key]
    assert {key for key in found if key[2] == 3} == {key for key in clean if key[2] == 3}
    assert fitted.best_params_["lr"] != RATES[GUILTY]


def test_a_worker_that_is_killed_once_costs_nobody_anything(clean):
    pids = set()

    class Spy(StandardScaler):
        pass

    def kill_one():
        from joblib.externals.loky import get_reusable_executor

        while not pids:
            time.sleep(0.01)
            executor = get_reusable_executor(reuse=True)
            pids.update(getattr(executor, "_processes", {}))
        time.sleep(0.3)
        os.kill(pids.pop(), signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    with warnings.catch_warnings():
        warnings.simplefilter("error", FitFailedWarning)
        fitted = search("error", above=1.0, stacking=2, max_retries=2).fit(X, Y)
    killer.join()
    assert scores(fitted) == clean


def test_if_the_transformers_kill_the_workers():
    class Deadly(StandardScaler):
        def fit(self, X, y=None, sample_weight=None):
            os._exit(3)

    from sklearn.pipeline import make_pipeline

    pipe = make_pipeline(Deadly(), classifier())
    tuned = SuccessiveHalvingSearchCV(
        pipe, {"neuralnetclassifier__lr": [0.01]}, n_candidates=1, cv=2, n_jobs=2, max_retries=0
    )
    with pytest.raises(AllRunsFailedError, match=f"2 x {DIED}"):
        tuned.fit(X, Y)


@SLOW
def test_errors_can_be_raised():
    with pytest.raises(LostWorkerError, match="its worker process died"):
        search("exit", error_score="raise", stacking=False).fit(X, Y)
    # The workers are new: the next search finds them as it needs them.
    with parallel_config("loky"):
        search("error", above=1.0, n_jobs=2).fit(X, Y)
