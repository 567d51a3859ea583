"""Where the time of a search goes, and the same search by scikit-learn's HalvingRandomSearchCV.

Digits, 27 candidates, rungs 1, 3, 9, 27, 5 folds; the same candidates, folds and network on both
sides, one after the other in each repeat. "Outside training" is everything but the epochs of the
runs and of the refit: planning, fitting transformers, moving data, scoring, keeping books, and
workers that wait.

    python benchmarks/bench_overhead.py [--repeats 5] [--jobs 1 2]
"""

import argparse
import itertools
import statistics
import time
from itertools import product

import torch
from scipy.stats import loguniform, uniform
from sklearn.datasets import load_digits
from sklearn.experimental import enable_halving_search_cv  # noqa: F401  (makes the next import work)
from sklearn.model_selection import HalvingRandomSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from skorch import NeuralNetClassifier
from torch import nn

from sktune import MLPClassifier, SuccessiveHalvingSearchCV

COMMON = {"factor": 3, "cv": 5, "random_state": 0}
COUNT = {"n_candidates": 27, "max_resources": 27}


class Perceptron(nn.Module):
    """What a skorch user writes: two hidden layers."""

    def __init__(self, width: int = 64, dropout: float = 0.0) -> None:
        super().__init__()
        sizes = [64, width, width]
        hidden = [
            layer
            for n_in, n_out in itertools.pairwise(sizes)
            for layer in (nn.Linear(n_in, n_out), nn.ReLU(), nn.Dropout(dropout))
        ]
        self.layers = nn.Sequential(*hidden, nn.Linear(width, 10))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        return self.layers(X)


def mlp() -> tuple[Pipeline, dict]:
    """Return sktune's own network and its space."""
    space = {
        "net__lr": loguniform(1e-4, 1e-1),
        "net__batch_size": [32, 64, 128, 256],
        "net__depth": [1, 2, 3],
        "net__width": [32, 64, 128, 256],
        "net__dropout": uniform(0, 0.5),
        "net__weight_decay": loguniform(1e-6, 1e-2),
    }
    return Pipeline([("scale", StandardScaler()), ("net", MLPClassifier(random_state=0))]), space


def skorch() -> tuple[Pipeline, dict]:
    """Return a user's skorch network and its space."""
    net = NeuralNetClassifier(
        Perceptron,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    space = {
        "net__lr": loguniform(1e-4, 1e-1),
        "net__batch_size": [32, 64, 128, 256],
        "net__module__width": [32, 64, 128, 256],
        "net__module__dropout": uniform(0, 0.5),
    }
    cast = FunctionTransformer(lambda X: X.astype("float32"))
    return Pipeline([("scale", StandardScaler()), ("cast", cast), ("net", net)]), space


def run_sktune(make, jobs: int, X, y, stacking) -> tuple[float, float, float]:
    """Return seconds, share of them outside training, and the best score."""
    estimator, space = make()
    search = SuccessiveHalvingSearchCV(
        estimator, space, **COMMON, **COUNT, n_jobs=jobs, stacking=stacking
    )
    start = time.perf_counter()
    search.fit(X, y)
    seconds = time.perf_counter() - start
    training = sum(record["fit_time"] for record in search.history_)
    # while the refit runs, the other workers have nothing to do
    outside = 1 - (training / jobs + search.refit_time_) / seconds
    return seconds, outside, search.best_score_


def run_sklearn(make, jobs: int, X, y) -> tuple[float, float, float]:
    """Return seconds, share of them outside fitting, and the best score."""
    estimator, space = make()
    search = HalvingRandomSearchCV(
        estimator, space, **COMMON, **COUNT, resource="net__max_epochs", n_jobs=jobs
    )
    start = time.perf_counter()
    search.fit(X, y)
    seconds = time.perf_counter() - start
    training = 5 * search.cv_results_["mean_fit_time"].sum()
    outside = 1 - (training / jobs + search.refit_time_) / seconds
    return seconds, outside, search.best_score_


def main() -> None:
    """Print a line for each network and number of jobs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    X, y = load_digits(return_X_y=True)
    print("| network | stacking | jobs | sktune, s | outside | sklearn, s | sklearn / sktune |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for make, jobs, stacking in product((mlp, skorch), options.jobs, ("auto", False)):
        run_sktune(make, jobs, X, y, stacking)  # starts the worker processes
        pairs = [
            (run_sktune(make, jobs, X, y, stacking), run_sklearn(make, jobs, X, y))
            for _ in range(options.repeats)
        ]
        print(line(f"{make.__name__} | {stacking}", jobs, pairs), flush=True)


def line(name: str, jobs: int, pairs: list) -> str:
    """Return a row of the table: medians, and the ratio's range."""
    ours = statistics.median(pair[0][0] for pair in pairs)
    outside = statistics.median(pair[0][1] for pair in pairs)
    theirs = statistics.median(pair[1][0] for pair in pairs)
    ratios = sorted(pair[1][0] / pair[0][0] for pair in pairs)
    ratio = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    return f"| {name} | {jobs} | {ours:.1f} | {outside:.0%} | {theirs:.1f} | {ratio} |"


if __name__ == "__main__":
    main()
