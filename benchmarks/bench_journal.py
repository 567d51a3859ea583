"""What a storage directory costs: the README's search with and without one, and replay.

The searches alternate. Their ratio is as noisy as the machine, so two shares are measured within
the search that has a storage: the processor time that the storage takes, of all that two cores have
in that time, which is what the workers could have had; and the time that the searching process is
in its storage, waiting for disk and processor, while the workers mostly go on.

Replay reads a journal in which 100,000 runs reported, a line for each.

    python benchmarks/bench_journal.py [--repeats 7] [--events 100000]
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from bench_stacked import SPACE
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktune import MLPClassifier, SuccessiveHalvingSearchCV
from sktune.candidates import Report
from sktune.journal import Header, Proposed, Reached, Storage, read_journal
from sktune.journal.events import to_json
from sktune.journal.lines import seal

WATCHED = ("__init__", "write", "reached", "keep_only", "refitted", "refit_of", "__exit__")
CORES = 2
SPENT = {"seconds": 0.0, "processor": 0.0}


def search(storage: Path | None) -> SuccessiveHalvingSearchCV:
    """Return the search of the README."""
    pipe = make_pipeline(StandardScaler(), MLPClassifier(random_state=0))
    return SuccessiveHalvingSearchCV(
        pipe,
        SPACE,
        n_candidates=27,
        max_resources=27,
        cv=5,
        n_jobs=CORES,
        random_state=0,
        storage=storage,
    )


def watch(name: str) -> None:
    """Add up the time of a method of Storage; of those that it calls itself, once."""
    method = getattr(Storage, name)

    def watched(self: Storage, *given: object) -> object:
        seconds, processor, before = time.perf_counter(), time.thread_time(), dict(SPENT)
        try:
            return method(self, *given)
        finally:
            SPENT["seconds"] = before["seconds"] + time.perf_counter() - seconds
            SPENT["processor"] = before["processor"] + time.thread_time() - processor

    setattr(Storage, name, watched)


def compare(repeats: int) -> None:
    """Print how long the search takes with and without a storage, and what the storage took."""
    X, y = load_digits(return_X_y=True)
    X, _, y, _ = train_test_split(X, y, stratify=y, random_state=0)
    search(None).fit(X, y)  # the workers start
    ratios, processor, inside, sizes = [], [], [], []
    for _ in range(repeats):
        start = time.perf_counter()
        search(None).fit(X, y)
        without = time.perf_counter() - start
        with tempfile.TemporaryDirectory() as folder:
            SPENT.update(seconds=0.0, processor=0.0)
            start = time.perf_counter()
            search(Path(folder) / "run").fit(X, y)
            seconds = time.perf_counter() - start
            sizes.append(sum(f.stat().st_size for f in Path(folder).rglob("*") if f.is_file()))
        ratios.append(seconds / without)
        processor.append(SPENT["processor"] / seconds / CORES)
        inside.append(SPENT["seconds"] / seconds)
    print(f"| digits search | median of {repeats} | lowest | highest |")
    print("| --- | ---: | ---: | ---: |")
    rows = {
        "wall time with / without": ratios,
        "processor time of the storage / of two cores": processor,
        "time in the storage / wall time": inside,
    }
    for name, values in rows.items():
        low, high = min(values), max(values)
        print(f"| {name} | {statistics.median(values):.3f} | {low:.3f} | {high:.3f} |")
    print(f"\n{statistics.median(sizes) / 1e6:.1f} MB are left in the directory")


def replay(n_events: int) -> None:
    """Print how long it takes to read a long journal, and to make it a History."""
    header = Header({}, 0, "epochs", 1, [])
    with tempfile.TemporaryDirectory() as folder:
        settings = [{"lr": 0.1, "width": 64}] * n_events
        lines = [Proposed(0, settings)]
        scores = {"score": 0.987654321}
        lines += [
            Reached([Report(c, 0, 0, 0, 1, 0.987654321, scores, fit_time=0.123456789)], {})
            for c in range(n_events)
        ]
        write(Path(folder) / "journal.jsonl", header, lines)
        times = []
        for _ in range(3):
            start = time.perf_counter()
            assert len(read_journal(folder).history.reports) == n_events
            times.append(time.perf_counter() - start)
    print(f"\nreplay of {n_events:,} events: {statistics.median(times):.2f} s (median of 3)")


def write(path: Path, header: Header, events: list) -> None:
    """Write a journal without waiting for the disk after each line."""
    line, checksum = seal(header.to_json(), 0)
    content = [line]
    for event in events:
        line, checksum = seal({"time": 0.0, **to_json(event)}, checksum)
        content.append(line)
    path.write_bytes(b"".join(content))


def main() -> None:
    """Compare, then replay."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--events", type=int, default=100_000)
    options = parser.parse_args()
    for name in WATCHED:
        watch(name)
    compare(options.repeats)
    replay(options.events)


if __name__ == "__main__":
    main()
