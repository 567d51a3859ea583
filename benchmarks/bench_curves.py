"""Search strategies compared on recorded learning curves, without training anything.

sktune's own schedules and samplers, and Optuna's TPE with its Hyperband pruner, search among
configurations that others have trained. What is measured is the regret: how far the one that a
search would return now, trained to the end, is from the best that there is. 0 is the best of the
task, 1 the median; whatever is worse than that, or has failed, counts as 1.

- TaskSet: 12 tasks, 1,000 configurations of Adam, minus the logarithm of the validation loss. A
  run whose loss is not finite has failed, and costs the epochs up to there.
- LCBench: a surrogate's 34 tasks, 500 configurations, validation accuracy.

A search has 60 x R epochs, R = 27 being full training; to go on with a run costs the new epochs.
Samplers that learn propose points, each hyperparameter on the scale on which it was drawn; the
nearest configuration not yet tried is taken, and told to the model.

The folder of the two .npz files is $SKTUNE_CURVES, or "curves" beside $SKTUNE_DATA.

    python benchmarks/bench_curves.py [--seeds 50] [--tasks 4] [--jobs 2] [--cache DIR]
"""

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import optuna
from joblib import Memory, Parallel, delayed
from optuna.pruners import HyperbandPruner
from optuna.samplers import TPESampler
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

from sktune.candidates import Advance, History, Propose, Report, Stop
from sktune.samplers.model import ModelSampler, tpe
from sktune.schedules import AsyncHalving, InTurn, Schedule, SuccessiveHalving, hyperband_brackets
from sktune.space import Float, Space

R, FACTOR, BUDGET = 27, 3, 60 * 27
GRID = np.arange(R, BUDGET + 1, R // 3)  # the moments that are kept
SHOWN = (5, 10, 20, 40, 60)
COLUMNS = np.searchsorted(GRID, [k * R for k in SHOWN])
TARGET = Path(__file__).parent / "curves.png"
TICKS = (0.05, 0.1, 0.2, 0.5, 1)


@dataclass(frozen=True)
class Task:
    """A table, with a row for each configuration."""

    name: str
    cube: np.ndarray  # the configurations as points
    params: list[dict[str, float]]  # the same as a sampler sees them
    scores: np.ndarray  # after each epoch (0 is not used), NaN from the one at which a run fails
    regrets: np.ndarray  # of the configurations, trained to the end


def tasks_of(names: np.ndarray, configs: np.ndarray, scores: np.ndarray) -> list[Task]:
    """Return the tasks of a benchmark, whose scores are the greater the better."""
    cube = np.column_stack([unit(column) for column in configs.T])
    params = [{f"x{k}": float(x) for k, x in enumerate(point)} for point in cube]
    scores = scores[:, :, : R + 1].astype(float)
    scores[~np.isfinite(scores.cumsum(axis=2))] = np.nan
    final = np.nan_to_num(scores[:, :, R], nan=-np.inf)
    best, middle = final.max(1, keepdims=True), np.median(final, 1, keepdims=True)
    regrets = ((best - final) / (best - middle)).clip(0, 1)
    return [Task(str(n), cube, params, *x) for n, *x in zip(names, scores, regrets, strict=True)]


def unit(column: np.ndarray) -> np.ndarray:
    """Return a hyperparameter between 0 and 1, on the scale that has its median in the middle.

    The scales are the number itself, its logarithm, and the logarithm of what it lacks of 1.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        scales = [column, np.log(column), np.log(1 - column)]
    scales = [scale for scale in scales if np.isfinite(scale).all()]
    units = [(scale - scale.min()) / np.ptp(scale) for scale in scales]
    return min(units, key=lambda one: abs(np.median(one) - 0.5))


def curves(name: str) -> np.lib.npyio.NpzFile:
    data = os.environ.get("SKTUNE_DATA")
    folder = os.environ.get("SKTUNE_CURVES", data and Path(data).parent / "curves")
    if not folder or not Path(folder, name).is_file():
        raise SystemExit(f"Set SKTUNE_CURVES to the folder that holds {name}.")
    return np.load(Path(folder, name))


def taskset() -> list[Task]:
    data = curves("taskset_rnn.npz")
    scores = -np.log10(data["valid_loss"].astype(float).clip(1e-12))
    return tasks_of(data["tasks"], data["configs"], scores)


def lcbench() -> list[Task]:
    data = curves("yahpo_lcbench_surrogate.npz")
    scores = np.insert(data["val_accuracy"], 0, 0, axis=2)  # the first that it has is of epoch 1
    return tasks_of(data["task_names"], data["configs"], scores)


class Meter:
    """Trains by looking up, and keeps what has been spent and the regret after each epoch."""

    def __init__(self, task: Task) -> None:
        self.spent = 0
        self.regrets = np.ones(BUDGET + 1)
        self.worst = np.nanmin(task.scores, axis=0)
        self._task, self._best = task, (0, -np.inf)

    def train(self, row: int, start: int, end: int) -> float:
        """Train a configuration on, and return its score: NaN if it fails on the way."""
        scores = self._task.scores[row, start + 1 : end + 1]
        failed = np.isnan(scores)
        self.spent += int(failed.argmax()) + 1 if failed.any() else len(scores)
        if not failed.any() and (end, scores[-1]) > self._best:
            self._best = end, scores[-1]
            self.regrets[self.spent :] = self._task.regrets[row]
        return float(scores[-1])


def taker(task: Task) -> Callable[[dict[str, float]], list[int]]:
    """Return what takes the configuration nearest to a point, none if all are taken."""
    left = np.zeros(len(task.cube))

    def nearest(point: dict[str, float]) -> list[int]:
        distances = ((task.cube - [point[name] for name in task.params[0]]) ** 2).sum(1) + left
        row = int(distances.argmin())
        left[row] = np.inf
        return [row] if np.isfinite(distances[row]) else []

    return nearest


def drawn(task: Task, seed: int) -> Callable[[int, History], list[int]]:
    """Return a source of configurations in random order."""
    order = np.random.default_rng(seed).permutation(len(task.cube)).tolist()
    return lambda n, history: order[len(history.candidates) :][:n]


def modelled(task: Task, seed: int) -> Callable[[int, History], list[int]]:
    """Return a source of the configurations nearest to those that sktune's TPE proposes."""
    space = Space({name: Float(0.0, 1.0) for name in task.params[0]})
    sampler, nearest = ModelSampler(space, seed, tpe), taker(task)
    return lambda n, history: [row for p in sampler.propose(n, history) for row in nearest(p)]


def sktunes(rule: Schedule, source: Callable, task: Task, seed: int) -> np.ndarray:
    """Return the regret after each epoch of a search of sktune's, with one worker."""
    history, meter, propose = History(), Meter(task), source(task, seed)
    rows, reached = [], {}
    while meter.spent < BUDGET:
        for action in rule.decide(history):
            if isinstance(action, Stop):
                return meter.regrets
            if isinstance(action, Propose):
                rows += (found := propose(action.n_candidates, history))
                for row in found:
                    history.propose(task.params[row], action.bracket)
                history.exhausted = len(found) < action.n_candidates
            else:
                row, end = rows[action.candidate_id], action.n_resources
                history.add(report(action, meter.train(row, reached.get(row, 0), end)))
                reached[row] = end
    return meter.regrets


def report(action: Advance, score: float) -> Report:
    place = action.candidate_id, 0, action.bracket, action.rung, action.n_resources
    return Report(*place, score, status="ok" if np.isfinite(score) else "diverged")


def optunas(task: Task, seed: int) -> np.ndarray:
    """Return the regret after each epoch of Optuna's TPE with its Hyperband pruner."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = InMemoryStorage()
    parts = {"sampler": TPESampler(seed=seed), "pruner": HyperbandPruner(1, R, FACTOR)}
    name = f"{task.name}-{seed}"  # by which trials are dealt out to brackets
    study = optuna.create_study(storage=storage, study_name=name, direction="maximize", **parts)
    meter, nearest = Meter(task), taker(task)
    while meter.spent < BUDGET:
        trial = study.ask()
        found = nearest({name: trial.suggest_float(name, 0.0, 1.0) for name in task.params[0]})
        if not found:
            break
        for key, value in task.params[found[0]].items():  # what is trained, not what was asked
            storage.set_trial_param(trial._trial_id, key, value, trial.distributions[key])
        climb(study, trial, found[0], meter)
    return meter.regrets


def climb(study: optuna.Study, trial: optuna.Trial, row: int, meter: Meter) -> FrozenTrial:
    """Train until Optuna prunes; a run that fails ends there, as bad as the worst that did not."""
    for epoch in range(1, R + 1):
        score = meter.train(row, epoch - 1, epoch)
        trial.report(score if np.isfinite(score) else meter.worst[epoch], epoch)
        if not np.isfinite(score) or (epoch < R and trial.should_prune()):
            return study.tell(trial, state=TrialState.PRUNED)
    return study.tell(trial, score)


SETTINGS = {"factor": FACTOR, "min_resources": 1, "max_resources": R, "n_folds": 1}


def asynchronous(*rungs: int) -> Schedule:
    return AsyncHalving(rungs, FACTOR, n_candidates=None, n_folds=1)


def halvings() -> Schedule:
    one = SuccessiveHalving.of(R, **SETTINGS)
    return InTurn(tuple(replace(one, bracket=k) for k in range(BUDGET // R)))


def hyperbands() -> Schedule:
    return InTurn(hyperband_brackets(**SETTINGS, n_iterations=6))


OURS, OPTUNAS = "Hyperband with TPE", "Optuna: TPE, HyperbandPruner"
STRATEGIES: dict[str, Callable[[Task, int], np.ndarray]] = {
    "random search": lambda *given: sktunes(asynchronous(R), drawn, *given),
    "successive halving": lambda *given: sktunes(halvings(), drawn, *given),
    "Hyperband": lambda *given: sktunes(hyperbands(), drawn, *given),
    "ASHA": lambda *given: sktunes(asynchronous(1, 3, 9, R), drawn, *given),
    "TPE": lambda *given: sktunes(asynchronous(R), modelled, *given),
    OURS: lambda *given: sktunes(hyperbands(), modelled, *given),
    OPTUNAS: optunas,
}


def timed(name: str, task_name: str, seed: int, task: Task) -> tuple[np.ndarray, float]:
    start = time.perf_counter()
    return STRATEGIES[name](task, seed)[GRID], time.perf_counter() - start


def replay(tasks: list[Task], n_seeds: int, options: argparse.Namespace) -> tuple[dict, dict]:
    """Return the regrets (task, seed, moment) and the seconds of a search, by strategy."""
    search = Memory(options.cache, verbose=0).cache(timed, ignore=["task"])
    keys = product(STRATEGIES, tasks, range(n_seeds))
    found = Parallel(options.jobs)(
        delayed(search)(name, task.name, seed, task) for name, task, seed in keys
    )
    shape = len(STRATEGIES), len(tasks), n_seeds
    regrets = np.reshape([regret for regret, _ in found], (*shape, len(GRID)))
    seconds = np.reshape([second for _, second in found], shape).mean((1, 2))
    return dict(zip(STRATEGIES, regrets, strict=True)), dict(zip(STRATEGIES, seconds, strict=True))


def print_table(benchmark: str, regrets: dict, seconds: dict) -> None:
    """Print the mean regret of each strategy, over the seeds and then over the tasks."""
    n_tasks, n_seeds, _ = regrets[OURS].shape
    print(f"\n{benchmark}: mean regret, {n_tasks} tasks, {n_seeds} seeds\n")
    print("| epochs | " + " | ".join(f"{k} R" for k in SHOWN) + " | s per search |")
    print("| --- |" + " ---: |" * (len(SHOWN) + 1))
    for name, values in regrets.items():
        cells = " | ".join(f"{value:.3f}" for value in values[:, :, COLUMNS].mean((0, 1)))
        print(f"| {name} | {cells} | {seconds[name]:.2f} |")


def print_difference(regrets: dict) -> None:
    """Print how the two that learn and stop early compare: seeds averaged, then over the tasks."""
    print(f"\n{OURS} minus {OPTUNAS}, at equal epochs:\n")
    differences = (regrets[OURS] - regrets[OPTUNAS]).mean(1)[:, COLUMNS]
    for k, each in zip(SHOWN, differences.T, strict=True):
        error = each.std(ddof=1) / len(each) ** 0.5
        won = f"won on {(each < 0).sum()} of {len(each)} tasks, lost on {(each > 0).sum()}"
        print(f"- {k} R: {each.mean():+.3f}, standard error {error:.3f}; {won}")


def draw(found: dict[str, dict]) -> None:
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.6), dpi=120, layout="constrained")
    for panel, (benchmark, regrets) in zip(axes, found.items(), strict=True):
        for name, values in regrets.items():
            panel.plot(GRID / R, values.mean((0, 1)), "--" if name == OPTUNAS else "-", label=name)
        panel.set(title=benchmark, xlabel="epochs, in full trainings", yscale="log")
        panel.set_yticks(TICKS, [str(tick) for tick in TICKS])
        panel.minorticks_off()
        panel.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("mean regret (0: best, 1: median)")
    figure.legend(*axes[0].get_legend_handles_labels(), ncols=4, loc="outside lower center")
    figure.savefig(TARGET, bbox_inches="tight")


def main() -> None:
    """Replay, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--tasks", type=int, help="only so many of each benchmark")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--cache", help="a folder, from which a run that was stopped goes on")
    options = parser.parse_args()
    start, found = time.perf_counter(), {}
    for benchmark, tasks in (("TaskSet", taskset()), ("LCBench", lcbench())):
        some = tasks[: options.tasks]
        found[benchmark], seconds = replay(some, options.seeds, options)
        print_table(benchmark, found[benchmark], seconds)
        print_difference(found[benchmark])
    draw(found)
    print(f"\n{time.perf_counter() - start:.0f} s with {options.jobs} jobs")


if __name__ == "__main__":
    main()
