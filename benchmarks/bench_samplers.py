"""A sampler that learns against random draws: the same epochs, real networks, real data.

Plain random search, Hyperband, and Hyperband with ``sampler="tpe"`` at equal epochs, on the digits
and on the adult table (a sample of it for the search, the rest to test on), over several seeds:
cross-validated and test accuracy, as they are. The folder with adult.csv.gz comes from the
environment variable SKTUNE_DATA, else the table from scikit-learn's fetcher.

    python benchmarks/bench_samplers.py [--seeds 5] [--epochs 27] [--jobs 2]
"""

import argparse
import os
import statistics
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import fetch_openml, load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sktune import HyperbandSearchCV, MLPClassifier, SuccessiveHalvingSearchCV

N_ADULT = 4000


def digits(seed):
    """Return training and test rows, and the transformer in front of the network."""
    X, y = load_digits(return_X_y=True)
    return *train_test_split(X, y, stratify=y, random_state=seed), StandardScaler()


def adult(seed):
    """Return the same of the adult table."""
    folder = os.environ.get("SKTUNE_DATA")
    if folder:
        table = pd.read_csv(Path(folder) / "adult.csv.gz").drop(columns="split")
        X, y = table.drop(columns="income"), table["income"]
    else:
        try:
            X, y = fetch_openml("adult", version=2, return_X_y=True, as_frame=True)
        except OSError as error:
            raise SystemExit("Set SKTUNE_DATA to a folder with adult.csv.gz.") from error
    numbers = make_column_selector(dtype_include="number")
    others = make_column_selector(dtype_exclude="number")
    transformer = make_column_transformer(
        (StandardScaler(), numbers),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), others),
    )
    parts = train_test_split(X, np.asarray(y), train_size=N_ADULT, stratify=y, random_state=seed)
    return *parts, transformer


def hyperband(sampler):
    """Return how to make a Hyperband search."""
    return lambda pipe, epochs, **more: HyperbandSearchCV(
        pipe, sampler=sampler, max_resources=epochs, **more
    )


def plain_random(pipe, epochs, **more):
    """Return a random search: as many epochs as Hyperband, every candidate trained in full."""
    n_candidates = HyperbandSearchCV(pipe, max_resources=epochs).plan().epochs // epochs
    return SuccessiveHalvingSearchCV(
        pipe, n_candidates=n_candidates, min_resources=epochs, max_resources=epochs, **more
    )


KINDS = {
    "random search": plain_random,
    "Hyperband, random": hyperband("random"),
    "Hyperband, TPE": hyperband("tpe"),
}


def searched(data, kind, seed, options):
    """Return cross-validated score, test score and seconds."""
    X, X_test, y, y_test, transformer = data(seed)
    pipe = make_pipeline(transformer, MLPClassifier())
    search = kind(pipe, options.epochs, cv=3, n_jobs=options.jobs, random_state=seed)
    start = time.perf_counter()
    search.fit(X, y)
    seconds = time.perf_counter() - start
    return search.best_score_, search.score(X_test, y_test), seconds


def row(name, data, kind, options):
    found = [searched(data, KINDS[kind], seed, options) for seed in range(options.seeds)]
    columns = list(zip(*found, strict=True))
    cells = [f"{statistics.mean(c):.4f} ± {statistics.stdev(c):.4f}" for c in columns[:2]]
    return f"| {name} | {kind} | {cells[0]} | {cells[1]} | {statistics.median(columns[2]):.1f} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=27)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    options = parser.parse_args()
    print("| data | search | cross-validated | test | median s |\n| --- | --- | --- | --- | --- |")
    for name, data in (("digits", digits), ("adult", adult)):
        for kind in options.kinds:
            print(row(name, data, kind, options), flush=True)


if __name__ == "__main__":
    main()
