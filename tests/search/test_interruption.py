"""Ctrl-C at any moment: one line, no worker left, the best so far usable, and a way on."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import scale
from skorch.callbacks import Callback

import sktune
from sktune import SuccessiveHalvingSearchCV
from sktune.exceptions import SearchInterrupt
from sktune.journal import read_journal
from sktune.search.interruption import OneLine
from tests.user_nets import classifier

X, Y = load_iris(return_X_y=True)
X = scale(X).astype("f4")
RATES = [0.001, 0.003, 0.01, 0.02, 0.03, 0.05]


class Slow(Callback):
    """Takes its time from an epoch on, or with all rows, so that a signal strikes there."""

    def __init__(self, from_epoch=99, in_refit=False):
        self.from_epoch, self.in_refit = from_epoch, in_refit

    def on_epoch_end(self, net, dataset_train=None, **kwargs):
        is_refit = self.in_refit and len(dataset_train) == len(X)
        if is_refit or len(net.history) >= self.from_epoch:
            print("slow", flush=True)
            time.sleep(60)


def halving(*callbacks, **settings):
    net = classifier(callbacks=[(f"c{i}", c) for i, c in enumerate(callbacks)])
    settings = {"sampler": "grid", "max_resources": 9, "cv": 3, "random_state": 0, **settings}
    return SuccessiveHalvingSearchCV(net, {"lr": RATES}, **settings)


def table(search):
    columns = search.cv_results_.items()
    return repr({n: np.asarray(v).tolist() for n, v in columns if "time" not in n})


@pytest.fixture
def interrupt(monkeypatch):
    """Have what is trained after some stacks interrupted."""

    def after(n_stacks, method="advance", trainer=sktune.trainers.StackedTrainer):
        real, done = getattr(trainer, method), []

        def interrupted(self, jobs):
            if len(done) == n_stacks:
                os.kill(os.getpid(), signal.SIGINT)
            done.append(jobs)
            return real(self, jobs)

        monkeypatch.setattr(trainer, method, interrupted)

    yield after
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.fixture(autouse=True)
def hook(monkeypatch):
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)


def test_the_best_so_far_is_there(interrupt):
    clean = halving(refit=False).fit(X, Y)
    interrupt(2)
    search = halving()
    with pytest.raises(SearchInterrupt, match="interrupted after 18 runs") as caught:
        search.fit(X, Y)
    assert "`cv_results_`, `best_params_`, `history_`" in str(caught.value)
    assert "Fit again begins anew" in str(caught.value)
    assert search.stop_reason_ == "interrupted"
    results = search.cv_results_
    assert {*results["rung"]} == {0}
    first = clean.cv_results_["mean_test_score"][:6]
    np.testing.assert_array_equal(results["mean_test_score"], first)
    assert search.best_params_ == results["params"][search.best_index_]
    assert search.best_score_ == first.max()
    assert search.best_index_ == np.flatnonzero(results["rank_test_score"] == 1)[0]
    assert len(search.history_) == 18
    with pytest.raises(NotFittedError):
        search.predict(X)


def test_before_anything_is_scored_an_earlier_result_stays(interrupt):
    search = halving().fit(X, Y)
    before = table(search)
    interrupt(0)
    with pytest.raises(SearchInterrupt, match="before a candidate was scored"):
        search.fit(X, Y)
    assert table(search) == before
    assert search.predict(X).shape == (150,)
    fresh = halving()
    with pytest.raises(NotFittedError):
        fresh.predict(X)


def test_of_a_callable_that_wants_more(interrupt):
    interrupt(1)
    search = halving(refit=lambda results: int(np.flatnonzero(results["rung"] == 1)[0]))
    with pytest.raises(SearchInterrupt, match="`cv_results_`, `history_` tell"):
        search.fit(X, Y)


@pytest.mark.parametrize("n_stacks", [0, 1, 2])
def test_a_storage_goes_on(tmp_path, interrupt, monkeypatch, n_stacks):
    clean = halving().fit(X, Y)
    with monkeypatch.context():
        interrupt(n_stacks)
        with pytest.raises(KeyboardInterrupt, match=r"Fit again with `storage`='.*' to go on"):
            halving(storage=tmp_path).fit(X, Y)
    monkeypatch.undo()
    search = halving(storage=tmp_path).fit(X, Y)
    assert table(search) == table(clean)
    assert search.stop_reason_ == "finished"


def test_in_the_refit(tmp_path, interrupt, monkeypatch):
    clean = halving().fit(X, Y)
    interrupt(0, "refit")
    search = halving(storage=tmp_path)
    with pytest.raises(SearchInterrupt, match="interrupted in the refit"):
        search.fit(X, Y)
    assert table(search) == table(clean)
    assert search.best_params_ == clean.best_params_
    assert not hasattr(search, "best_estimator_")
    monkeypatch.undo()

    def fail(self, jobs):
        pytest.fail("it trains")

    monkeypatch.setattr(sktune.trainers.StackedTrainer, "advance", fail)
    again = halving(storage=tmp_path).fit(X, Y)
    np.testing.assert_array_equal(again.predict_proba(X), clean.predict_proba(X))


def test_an_interrupt_that_skorch_swallows():
    # What is fitted anew at each rung is fitted by skorch itself, which ends a training at Ctrl-C.
    class Strike(Callback):
        def on_epoch_end(self, net, **kwargs):
            if net.lr == RATES[2]:
                os.kill(os.getpid(), signal.SIGINT)

    search = halving(Strike(), resource="n_samples", max_resources=150, min_resources=50)
    with pytest.raises(SearchInterrupt):
        search.fit(X, Y)


SCRIPT = """
import sys
from tests.search.test_interruption import *
if __name__ == "__main__":
    slow = Slow(in_refit=True) if sys.argv[3] == "refit" else Slow(from_epoch=4)
    halving(slow, storage=sys.argv[1], n_jobs=int(sys.argv[2]), stacking=False).fit(X, Y)
"""


def descendants(pid):
    """Return the ids of the processes that a process has begun, and those that they have."""
    table = subprocess.run(["ps", "-eo", "pid,ppid,stat"], capture_output=True, text=True)
    rows = [line.split() for line in table.stdout.splitlines()[1:]]
    mine = [int(row[0]) for row in rows if int(row[1]) == pid and "Z" not in row[2]]
    return mine + [child for process in mine for child in descendants(process)]


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="it looks at processes by /proc")
@pytest.mark.parametrize(
    "to_all",
    [
        pytest.param(False, id="to the parent", marks=pytest.mark.slow),
        pytest.param(True, id="to all, as a terminal does"),
    ],
)
@pytest.mark.parametrize(("n_jobs", "moment"), [(1, "search"), (2, "search"), (1, "refit")])
def test_a_script(tmp_path, n_jobs, moment, to_all):
    storage = tmp_path / "storage"
    arguments = [sys.executable, "-c", SCRIPT, str(storage), str(n_jobs), moment]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(arguments, start_new_session=True, **pipes) as process:
        try:
            assert "slow" in process.stdout.readline()
            workers = descendants(process.pid)
            start = time.perf_counter()
            (os.killpg if to_all else os.kill)(process.pid, signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert time.perf_counter() - start < 15
    assert n_jobs == 1 or len(workers) >= 2
    (line,) = errors.splitlines()
    assert line.startswith("KeyboardInterrupt: The search was interrupted")
    assert line.endswith(f"Fit again with `storage`={str(storage)!r} to go on from there.")
    assert process.returncode == 130
    while time.perf_counter() - start < 20 and any(map(is_alive, workers)):
        time.sleep(0.05)
    assert not any(map(is_alive, workers))
    history = read_journal(storage).history
    assert {r.rung for r in history} == {0} if moment == "search" else {0, 1}


def test_where_commands_are_typed_in_it_is_one_line_too(capsys, monkeypatch):
    seen = []
    hook = OneLine.after(lambda *error: seen.append(error))
    assert OneLine.after(hook) is hook
    error = SearchInterrupt("the way on")
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    hook(type(error), error, None)
    assert capsys.readouterr().err == "KeyboardInterrupt: the way on\n"
    monkeypatch.delattr(sys, "ps1")
    with pytest.raises(SystemExit, match="130"):
        hook(type(error), error, None)
    other = ValueError("no")
    hook(ValueError, other, None)
    assert seen == [(ValueError, other, None)]
