"""Asynchronous and synchronous halving in a simulated cluster, without training anything.

Schedules are pure, so a cluster is a heap of the jobs that run and the times at which they end. A
job trains one candidate on to the next rung, on one fold. It takes its new epochs x the speed of
the candidate x noise, both log-normal with mean 1; time is counted in such average epochs. Scores
are a quality and an error that shrinks as training goes on, and do not depend on the speed. All
schedules get the same candidates, 10,935, or 98,415 for 10,000 workers, and rungs 1, 3, 9, 27, 81.

- async: AsyncHalving.
- sync in turn: SuccessiveHalving, each bracket when the one before is finished. They start with 81
  candidates, or with the next 81 x 3**k that give every worker one.
- sync at once: SuccessiveHalving with all candidates in one bracket. Its workers wait little,
  but one has to know before how many candidates there will be, and the first result comes late.

What is told of each:

- time: when the last job has ended.
- speed-up: how much sooner than by one worker with the same schedule and candidates (for 10,000
  workers that is the sum of the durations of their jobs).
- idle: 1 - B / (T x workers), T being the moment at which the last candidate with all resources is
  known, and B the time that all workers together spent on jobs until then. In brackets the same
  with T the moment at which the last candidate begins: workers idle with candidates still to come.
- epochs: trained in all; async promotes on what is known so far, and so now and then in vain.
- first: when the first candidate with all resources is known.

Before, decisions of AsyncHalving are timed, while 10,000 candidates come to 100,000 known ones; in
half of them, drawn by chance, Python's garbage collector is off.

    python benchmarks/bench_schedules.py [--repeats 3]
"""

import argparse
import gc
import heapq
import time
from collections import deque, namedtuple
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np

from sktune.candidates import Advance, History, Propose, Report, Stop
from sktune.schedules import AsyncHalving, SuccessiveHalving

RUNGS, STEPS, FACTOR = (1, 3, 9, 27, 81), (1, 2, 6, 18, 54), 3
LAYOUT = {"factor": 3, "min_resources": 1, "max_resources": 81, "n_folds": 1}
WORKERS = (1, 10, 100, 1_000, 10_000)
N_CANDIDATES = (10_935, 10_935, 10_935, 10_935, 98_415)  # whole brackets
N_KNOWN, N_MORE = 100_000, 10_000
SPEED_SIGMA, NOISE_SIGMA = 0.5, 0.25

# What training would give: arrays with a row for each candidate and a column for each rung.
World = namedtuple("World", ["durations", "scores"])


def draw_world(n_candidates, seed):
    rng = np.random.default_rng(seed)
    column, table = (n_candidates, 1), (n_candidates, len(RUNGS))
    speed = rng.lognormal(-(SPEED_SIGMA**2) / 2, SPEED_SIGMA, column)
    noise = rng.lognormal(-(NOISE_SIGMA**2) / 2, NOISE_SIGMA, table)
    scores = rng.normal(size=column) + rng.normal(size=table) / np.sqrt(RUNGS)
    return World(speed * noise * STEPS, scores)


class Job(NamedTuple):
    """A candidate's way to a rung; the number orders jobs that end at once."""

    end: float
    number: int
    start: float
    action: Advance


def simulate(decide, n_workers, world, clock=0.0):
    """Return the jobs of a search in the order in which they end."""
    history, due, running, done = History(), deque(), [], []
    while True:
        while len(running) < n_workers and (action := next_advance(decide, history, due)):
            history.begin(action)
            end = clock + float(world.durations[action.candidate_id, action.rung])
            heapq.heappush(running, Job(end, len(done) + len(running), clock, action))
        if not running:
            return done
        done.append(heapq.heappop(running))
        clock = done[-1].end
        history.add(report(done[-1].action, world))


def next_advance(decide, history, due):
    """Return what a free worker is to do, None if nothing is due before something reports."""
    while not due:
        actions = decide(history)
        if not actions or isinstance(actions[0], Stop):
            return None
        for action in actions:
            if isinstance(action, Propose):
                for _ in range(action.n_candidates):
                    history.propose({}, action.bracket)
            else:
                due.append(action)
    return due.popleft()


def report(action, world):
    score = float(world.scores[action.candidate_id, action.rung])
    return Report(action.candidate_id, 0, action.bracket, action.rung, action.n_resources, score)


def asynchronous(n_workers, world):
    rule = AsyncHalving(RUNGS, FACTOR, len(world.scores), n_folds=1)
    return simulate(rule.decide, n_workers, world)


def in_turn(n_workers, world):
    size, done = RUNGS[-1], []
    while size < n_workers:
        size *= FACTOR
    for start in range(0, len(world.scores), size):
        part = World(*(table[start : start + size] for table in world))
        done += at_once(n_workers, part, done[-1].end if done else 0.0)
    return done


def at_once(n_workers, world, clock=0.0):
    rule = SuccessiveHalving.of(len(world.scores), **LAYOUT)

    # While a part of a rung still runs, the rule has nothing to say, and long to think about it.
    def decide(history):
        return rule.decide(history) if history.is_idle else []

    return simulate(decide, n_workers, world, clock)


SCHEDULES = {"async": asynchronous, "sync in turn": in_turn, "sync at once": at_once}


class Outcome(NamedTuple):
    """What is told of one run, or the medians of several."""

    time: float
    speed_up: float
    idle: float
    idle_before: float
    epochs: float
    first: float


def outcome(jobs, n_workers, alone):
    """Measure a run; ``alone`` is the time of one worker."""
    full = [job.end for job in jobs if job.action.rung == len(RUNGS) - 1]
    last_begun = max(job.start for job in jobs if job.action.rung == 0)
    epochs = sum(STEPS[job.action.rung] for job in jobs)
    shares = (idle(jobs, n_workers, until) for until in (full[-1], last_begun))
    return Outcome(jobs[-1].end, alone / jobs[-1].end, *shares, epochs, full[0])


def idle(jobs, n_workers, until):
    busy = sum(max(0.0, min(job.end, until) - job.start) for job in jobs)
    return max(0.0, 1 - busy / (n_workers * until))  # rounding can leave -1e-16


def compare(repeats):
    """Print the table; return the medians by schedule and number of workers."""
    alone, found = {}, {}
    print_head()
    for n_workers, n_candidates in zip(WORKERS, N_CANDIDATES, strict=True):
        for name, run in SCHEDULES.items():
            outcomes = []
            for seed in range(repeats):
                jobs = run(n_workers, draw_world(n_candidates, seed))
                key, total = (name, n_candidates, seed), sum(job.end - job.start for job in jobs)
                outcomes.append(outcome(jobs, n_workers, alone.setdefault(key, total)))
            found[name, n_workers] = Outcome(*map(median, zip(*outcomes, strict=True)))
        print_line(n_workers, [found[name, n_workers] for name in SCHEDULES])
    return found


def print_head():
    fields = ("time", "speed-up", "idle", "epochs", "first")
    columns = [f"{name}: {field}" for name in SCHEDULES for field in fields]
    print("| workers |", " | ".join(columns), "|")
    print("| ---: " * (1 + len(columns)) + "|")


def print_line(n_workers, outcomes):
    formats = "{:,.0f} | {:,.1f} | {:.1%} ({:.1%}) | {:,.0f} | {:,.0f}"
    cells = [formats.format(*found) for found in outcomes]
    print(f"| {n_workers:,} |", " | ".join(cells), "|", flush=True)


def decision_times(n_workers=1_000):
    """Return microseconds, real and of the processor, with the garbage collector on and off."""
    rule = AsyncHalving(RUNGS, FACTOR, N_KNOWN + N_MORE, n_folds=1)
    times, rng = {"on": [], "off": []}, np.random.default_rng(0)

    def timed(history):
        collector = "on" if rng.random() < 0.5 else "off"
        (gc.enable if collector == "on" else gc.disable)()
        start = time.perf_counter(), time.thread_time()
        actions = rule.decide(history)
        spent = time.perf_counter() - start[0], time.thread_time() - start[1]
        gc.enable()
        if len(history.candidates) >= N_KNOWN:
            times[collector].append(spent)
        return actions

    simulate(timed, n_workers, draw_world(N_KNOWN + N_MORE, seed=0))
    return {collector: 1e6 * np.array(spent) for collector, spent in times.items()}


def print_times(collector, times):
    print(f"{len(times):,} decisions, garbage collector {collector}, µs:")
    for clock, spent in zip(("real time", "processor time"), times.T, strict=True):
        middle, high, longest = np.percentile(spent, [50, 99, 100])
        print(f"  {clock}: median {middle:.0f}, 99th percentile {high:.0f}, ", end="")
        print(f"longest {longest:,.0f}; {(spent > 1000).sum()} above 1,000")


def draw(found):
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), dpi=120)
    left.plot(WORKERS, WORKERS, ":", color="0.5", label="ideal")
    for style, name in zip(("C1o-", "C0o-", "C2o--"), SCHEDULES, strict=True):
        of = Outcome(*zip(*(found[name, n] for n in WORKERS), strict=True))
        left.plot(WORKERS, of.speed_up, style, label=name)
        right.plot(WORKERS, of.idle, style)
    left.set(xscale="log", yscale="log", xlabel="workers", ylabel="speed-up")
    right.set(xscale="log", xlabel="workers", ylabel="idle share of the workers")
    left.legend(frameon=False)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(Path(__file__).parent / "schedules.png")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    for collector, times in decision_times().items():
        print_times(collector, times)
    gc.disable()  # nothing below is a cycle, and looking for them takes long
    draw(compare(options.repeats))


if __name__ == "__main__":
    main()
