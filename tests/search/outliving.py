"""A program that ends searches of the digits at many moments, and looks what outlives them.

Each line that it prints is what came of one signal: how long processes and folders were left.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import numpy as np

SEARCH = """
from scipy.stats import loguniform
from sklearn.datasets import load_digits
from sktune import MLPClassifier, SuccessiveHalvingSearchCV

X, y = load_digits(return_X_y=True)
SuccessiveHalvingSearchCV(
    MLPClassifier(random_state=0),
    {"lr": loguniform(1e-4, 1e-1), "batch_size": [64, 128, 256], "depth": [1, 2, 3]},
    n_candidates=27, max_resources=27, cv=3, n_jobs=int("N_JOBS"), random_state=0,
).fit(X, y)
"""
SECONDS = 60.0
MEMORY = Path("/dev/shm")


def begun(folder, mark, n_jobs=2):
    """Start a search whose processes can be told by a variable of their environment."""
    return subprocess.Popen(
        [sys.executable, "-c", SEARCH.replace("N_JOBS", str(n_jobs))],
        env={**os.environ, "SKTUNE_TEST": mark, "TMPDIR": str(folder)},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def processes(mark):
    """Return the numbers of the processes with a mark."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue
        if f"SKTUNE_TEST={mark}".encode() in environment.split(b"\0"):
            found.append(int(folder.name))
    return found


def folders(folder, pid):
    """Return the folders that a search has made; torch makes one for its own cache."""
    made = [path for path in folder.iterdir() if not path.name.startswith("torchinductor_")]
    return [*map(str, made), *map(str, MEMORY.glob(f"joblib_*_{pid}_*"))]


def what_is_left(folder, mark, pid, seconds=SECONDS):
    """Wait until nothing is left; return how long that took and what is left after all."""
    start = time.perf_counter()
    while True:
        left = [*processes(mark), *folders(folder, pid)]
        waited = time.perf_counter() - start
        if not left or waited > seconds:
            return round(waited, 1), left
        time.sleep(0.2)


def ended(number, seconds, n_jobs=2):
    """End a search by a signal after some seconds; return what came of it."""
    mark = uuid4().hex
    with tempfile.TemporaryDirectory() as name:
        search = begun(Path(name), mark, n_jobs)
        with suppress(subprocess.TimeoutExpired):
            search.wait(seconds)
        n_processes = len(processes(mark))
        search.send_signal(number)
        status = search.wait()
        waited, left = what_is_left(Path(name), mark, search.pid)
    return {
        "signal": number.name,
        "after": round(seconds, 1),
        "n_processes": n_processes,
        "status": status,
        "waited": waited,
        "left": left,
    }


def main(n_moments, seed):
    """Print a line for each moment."""
    start, rng = time.perf_counter(), np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as name:
        begun(Path(name), "undisturbed").wait()
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": round(seconds, 1)}), flush=True)
    for moment in range(n_moments):
        number = (signal.SIGTERM, signal.SIGKILL)[moment % 2]
        print(json.dumps(ended(number, float(rng.uniform(0, seconds)))), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
