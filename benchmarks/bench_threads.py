"""A search, its refit and a network alone on a machine that other processes use too.

Each is timed beside two processes that are busy all the time and without them, in turn; the
ratio of the medians should be at most 3. The processors' time should be the same: threads that
wait for each other spin. Torch has the threads that it has by default.

    python benchmarks/bench_threads.py [--repeats 3] [--busy 2]
"""

import argparse
import math
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import NamedTuple

from scipy.stats import loguniform, uniform
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from sktune import MLPClassifier, SuccessiveHalvingSearchCV

X, Y = load_digits(return_X_y=True)
SPACE = {
    "mlpclassifier__lr": loguniform(1e-4, 1e-1),
    "mlpclassifier__batch_size": [32, 64, 128, 256],
    "mlpclassifier__depth": [1, 2, 3],
    "mlpclassifier__width": [32, 64, 128, 256],
    "mlpclassifier__dropout": uniform(0, 0.5),
    "mlpclassifier__weight_decay": loguniform(1e-6, 1e-2),
}


@contextmanager
def busy(n_processes):
    """Have other processes compute for the length of a ``with`` block."""
    loop = [sys.executable, "-c", "while True: pass"]
    # In sessions of their own, as Linux shares the cores out to sessions first.
    processes = [subprocess.Popen(loop, start_new_session=True) for _ in range(n_processes)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


class Clock(NamedTuple):
    """Seconds on the wall, and seconds of processors that this process has used."""

    wall: float
    used: float

    @classmethod
    def now(cls):
        """Return the time."""
        return cls(time.perf_counter(), time.process_time())

    def since(self, start):
        """Return what has passed."""
        return Clock(self.wall - start.wall, self.used - start.used)


def searching(n_jobs):
    """Return the clock of a search with its refit, and the seconds of the refit."""
    pipe = make_pipeline(StandardScaler(), MLPClassifier(random_state=0))
    search = SuccessiveHalvingSearchCV(
        pipe, SPACE, n_candidates=81, max_resources=81, cv=5, n_jobs=n_jobs, random_state=0
    )
    start = Clock.now()
    search.fit(X, Y)
    return Clock.now().since(start), search.refit_time_


def alone():
    """Return the clock of a network."""
    start = Clock.now()
    MLPClassifier(random_state=0).fit(scale(X), Y)
    return Clock.now().since(start)


def timed(n_jobs):
    """Return the clocks of each; that of the refit has no processor's time."""
    whole, refit = searching(n_jobs)
    return {"search and refit": whole, "refit": Clock(refit, math.nan), "alone": alone()}


def main():
    """Print the seconds and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--busy", type=int, default=2)
    parser.add_argument("--n-jobs", type=int, default=None)
    options = parser.parse_args()
    alone()  # what torch does once
    quiet, beside = [], []
    for _ in range(options.repeats):
        quiet.append(timed(options.n_jobs))
        with busy(options.busy):
            beside.append(timed(options.n_jobs))
    print("| | quiet, s | beside, s | ratio | of processors' time |\n" + "| --- " * 5 + "|")
    for name in quiet[0]:
        pairs = [zip(*(found[name] for found in each), strict=True) for each in (quiet, beside)]
        (one, used), (other, used_beside) = (map(statistics.median, pair) for pair in pairs)
        print(
            f"| {name} | {one:.2f} | {other:.2f} | {other / one:.1f} | {used_beside / used:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
