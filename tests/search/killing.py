"""A program that kills a search of the digits at many moments, and goes on with it each time.

It forks before torch has computed anything, so that a search begins without the seconds that
importing takes. Each line that it prints is what came of one kill.
"""

import json
import os
import shutil
import signal
import sys
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import FitFailedWarning

from sktune import SuccessiveHalvingSearchCV
from sktune.trainers import StackedTrainer
from tests.user_nets import Trouble, classifier

SPACE = {"lr": [0.001, 0.003, 0.01, 0.03], "module__width": [16, 32], "module__dropout": [0.0, 0.2]}
TIMES = ("fit_time", "score_time")


def search(storage):
    # Those that learn fastest fail in the second rung, where the next in rank take their places.
    trouble = Trouble("error", epoch=2, above=0.02)
    net = classifier(module__n_in=64, module__n_out=10, callbacks=[("trouble", trouble)])
    return SuccessiveHalvingSearchCV(
        net, SPACE, n_candidates=9, max_resources=9, cv=3, random_state=0, storage=storage
    )


def results(fitted):
    """Return everything but times that a search found, as text."""
    columns = {n: v for n, v in fitted.cv_results_.items() if not any(t in n for t in TIMES)}
    found = {name: np.asarray(values).tolist() for name, values in columns.items()}
    weights = [p.sum().item() for p in fitted.best_estimator_.module_.parameters()]
    return repr((found, fitted.best_params_, fitted.stop_reason_, weights))


def fit(storage, directory):
    """Search, with a line in a log for each run that begins to be trained to a rung."""
    log = os.open(directory / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    advance = StackedTrainer.advance

    def logged(self, jobs):
        os.write(log, json.dumps([(job.seed, job.n_resources) for job in jobs]).encode() + b"\n")
        return advance(self, jobs)

    StackedTrainer.advance = logged
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype("f4")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitFailedWarning)
        fitted = search(storage).fit(X[:600], y[:600])
    assert "failed" in fitted.cv_results_["status"]
    (directory / "results").write_text(results(fitted))


def forked(action, *arguments):
    """Do something in a child process; return its number."""
    child = os.fork()
    if child:
        return child
    try:
        action(*arguments)
    finally:
        os._exit(0 if sys.exc_info()[0] is None else 1)


def kill_at_write(number, storage, directory):
    """Search until the given write to a file of the storage, do half of it, and die."""
    real, count = os.write, Counter()

    def deadly(file, content):
        if str(storage) in os.readlink(f"/proc/self/fd/{file}"):
            count["writes"] += 1
            if count["writes"] == number:
                real(file, content[: len(content) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
        return real(file, content)

    os.write = deadly
    fit(storage, directory)


def stacks(directory):
    """Return what was begun to be trained, stack by stack."""
    lines = (directory / "log").read_text().splitlines() if (directory / "log").exists() else []
    return [[tuple(run) for run in json.loads(line)] for line in lines]


def main(folder, n_moments, seed):
    """Print a line for the search that is left alone, and one for each kill."""
    folder, rng = Path(folder), np.random.default_rng(seed)
    start = time.perf_counter()
    os.waitpid(forked(fit, None, folder), 0)
    seconds = time.perf_counter() - start
    clean = (folder / "results").read_text()
    n_runs = len({run for stack in stacks(folder) for run in stack})
    print(json.dumps({"seconds": seconds, "n_runs": n_runs}), flush=True)
    for moment in range(n_moments):
        directory = folder / str(moment)
        directory.mkdir()
        storage = directory / "storage"
        if moment % 2:
            # Of a search that writes about 13 files with 39 snapshots, and 16 lines.
            number = int(rng.integers(1, 55))
            killed = forked(kill_at_write, number, storage, directory)
        else:
            number = float(rng.uniform(0, seconds))
            killed = forked(fit, storage, directory)
            time.sleep(number)
            os.kill(killed, signal.SIGKILL)
        status = os.waitpid(killed, 0)[1]
        begun = stacks(directory)
        failed = os.waitpid(forked(fit, storage, directory), 0)[1]
        runs = Counter(run for stack in stacks(directory) for run in stack)
        twice = {run for run, times in runs.items() if times > 1}
        print(
            json.dumps(
                {
                    "moment": number,
                    "was_killed": os.WIFSIGNALED(status),
                    "failed": failed,
                    "same": (directory / "results").read_text() == clean,
                    # One worker: what ran when it was killed is the stack that began last.
                    "twice": sorted(twice - {*map(tuple, begun[-1] if begun else [])}),
                    "most_times": max(runs.values()),
                    "n_runs": len(runs),
                }
            ),
            flush=True,
        )
        shutil.rmtree(directory)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
