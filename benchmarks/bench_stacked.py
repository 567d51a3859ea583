"""Networks in stacks against networks one by one: per network and epoch, and whole searches.

The first table trains the same networks with plain skorch, one after the other, and as one stack,
and puts the matrix products of the same shapes beside them: the limit. The second runs whole
searches with stacking on and off, and the same candidates, folds and rungs with skorch's own
``partial_fit`` over joblib, and shows where the time goes; the third searches with few
structures and several settings of each. Ratios come from runs side by side; medians of the repeats.

    python benchmarks/bench_stacked.py [networks] [search] [structures] [--device cuda]
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from joblib import Parallel, delayed
from scipy.stats import loguniform, uniform
from sklearn.datasets import load_digits
from sklearn.metrics import check_scoring
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from skorch import NeuralNetClassifier
from torch import nn

from sktune import ConvNetClassifier, MLPClassifier, SuccessiveHalvingSearchCV
from sktune.nets.module import MLP, ConvNet
from sktune.nets.threads import at_most
from sktune.runs import AdvanceJob, Part, PreparedFold, Setup
from sktune.space import Space
from sktune.trainers import StackedTrainer

EPOCHS = 5
SPACE = {
    "mlpclassifier__lr": loguniform(1e-4, 1e-1),
    "mlpclassifier__batch_size": [32, 64, 128, 256],
    "mlpclassifier__depth": [1, 2, 3],
    "mlpclassifier__width": [32, 64, 128, 256],
    "mlpclassifier__dropout": uniform(0, 0.5),
    "mlpclassifier__weight_decay": loguniform(1e-6, 1e-2),
}
FREE = ("mlpclassifier__lr", "mlpclassifier__dropout", "mlpclassifier__weight_decay")


def digits():
    X, y = load_digits(return_X_y=True)
    return scale(X).astype(np.float32), y


def fashion():
    """Return Fashion-MNIST's first 2,000 images, or the digits enlarged to the same size."""
    folder = os.environ.get("SKTUNE_DATA")
    if folder:
        data = np.load(Path(folder) / "fashion_mnist_20k.npz")
        return (data["x_train"][:2000] / 255).astype(np.float32), data["y_train"][:2000]
    images, y = load_digits().images / 16, load_digits().target
    return np.kron(images, np.ones((1, 4, 4)))[:, 2:30, 2:30].astype(np.float32), y


def jobs(net, X, y, n_networks):
    """Return runs on five folds, with learning rates and dropout rates of their own."""
    setup = Setup(net, check_scoring(net), horizon=EPOCHS, classes=np.unique(y))
    parts = np.arange(len(X)) % 5
    folds = [
        PreparedFold(Part(X[parts != k], y[parts != k]), Part(X[parts == k], y[parts == k]))
        for k in range(5)
    ]
    rates = np.geomspace(1e-4, 1e-2, n_networks)
    return [
        AdvanceJob(setup, {"lr": float(lr)}, folds[k % 5], EPOCHS, k) for k, lr in enumerate(rates)
    ]


def as_skorch(net, X, y):
    """Return the same network as users of skorch write it, with torch's own loader."""
    if isinstance(net, ConvNetClassifier):
        names, shape, module = (
            ("depth", "filters", "kernel_size"),
            {"image_shape": (1, 28, 28)},
            ConvNet,
        )
    else:
        names, shape, module = ("depth", "width"), {"n_inputs": X.shape[1]}, MLP
    arguments = {f"module__{name}": getattr(net, name) for name in names}
    arguments |= {f"module__{name}": value for name, value in shape.items()}
    return NeuralNetClassifier(
        module,
        module__n_outputs=len(np.unique(y)),
        module__dropout=net.dropout,
        module__activation="relu",
        module__normalization=None,
        **arguments,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        lr=1e-3,
        batch_size=net.batch_size,
        max_epochs=EPOCHS,
        iterator_train__shuffle=True,
        train_split=None,
        device=net.device,
        verbose=0,
    )


def milliseconds(function, n_networks):
    start = time.perf_counter()
    function()
    return 1000 * (time.perf_counter() - start) / n_networks / EPOCHS


def products(net, n_networks, n_rows, n_inputs, n_outputs):
    """Return a function that does the matrix products of as many epochs, and nothing else."""
    sizes = [n_inputs] + [net.width] * net.depth + [n_outputs]
    pairs = [
        (
            torch.randn(n_networks, net.batch_size, a, device=net.device),
            torch.randn(n_networks, b, a, device=net.device),
            torch.randn(n_networks, net.batch_size, b, device=net.device),
        )
        for a, b in pairwise(sizes)
    ]

    def run():
        for _ in range(EPOCHS * -(-n_rows // net.batch_size)):
            for layer, (x, w, g) in enumerate(pairs):
                torch.bmm(x, w.transpose(1, 2))
                torch.bmm(g.transpose(1, 2), x)
                if layer:
                    torch.bmm(g, w)
        if net.device != "cpu":
            torch.cuda.synchronize()

    return run


def networks(options):
    """Print the table of single stacks."""
    device = options.device
    X, y = digits()
    tables = [
        (40, MLPClassifier(width=64, depth=2, batch_size=32), X, y),
        (40, MLPClassifier(width=128, depth=2, batch_size=64), X, y),
        (40, MLPClassifier(width=256, depth=3, batch_size=128), X, y),
        (5, MLPClassifier(width=64, depth=2, batch_size=32), X, y),
        (5, ConvNetClassifier(filters=16, depth=2, batch_size=64), *fashion()),
    ]
    if device != "cpu":
        tables += [(400, MLPClassifier(width=64, depth=2, batch_size=32), X, y)]
    print("| stack of | network | batch | skorch, ms | stack, ms | ratio | products, ms |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for n_networks, net, data, labels in tables:
        net.set_params(dropout=0.1, device=device, lr_schedule="constant")
        print(compared(n_networks, net, data, labels, options.repeats), flush=True)


def compared(n_networks, net, X, y, repeats):
    """Return a row: medians per network and epoch, and the range of the ratios."""
    work, trainer = jobs(net, X, y, n_networks), StackedTrainer(n_networks)
    images = X[:, None] if X.ndim == 3 else X
    rows = work[0].fold.train
    single = as_skorch(net, images, y)
    train = images[np.arange(len(X)) % 5 != 0], rows.y
    limit = None
    if isinstance(net, MLPClassifier):
        limit = products(net, n_networks, len(rows.X), X.shape[1], len(np.unique(y)))
    single.fit(*train)
    trainer.advance(work)
    alone, stacked, least = [], [], []
    for _ in range(repeats):
        alone.append(milliseconds(lambda: single.fit(*train), 1))
        stacked.append(milliseconds(lambda: trainer.advance(work), n_networks))
        if limit:
            least.append(milliseconds(limit, n_networks))
    ratios = sorted(a / b for a, b in zip(alone, stacked, strict=True))
    wide = f"{net.width} wide" if hasattr(net, "width") else f"conv {net.filters} filters"
    floor = f"{statistics.median(least):.2f}" if least else ""
    return (
        f"| {n_networks} | {wide}, depth {net.depth} | {net.batch_size} "
        f"| {statistics.median(alone):.1f} | {statistics.median(stacked):.2f} "
        f"| {statistics.median(ratios):.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f}) | {floor} |"
    )


def halving(stacking, seed, sampler="random", **settings):
    pipe = make_pipeline(StandardScaler(), MLPClassifier())
    settings = {"n_candidates": 81, "max_resources": 81, "refit": False, "n_jobs": 2, **settings}
    return SuccessiveHalvingSearchCV(
        pipe, SPACE, cv=5, random_state=seed, stacking=stacking, sampler=sampler, **settings
    )


def timed(search):
    start = time.perf_counter()
    search.fit(*load_digits(return_X_y=True))
    return time.perf_counter() - start


def by_skorch(done):
    """Take the candidates of a search through its rungs again, with skorch, joblib and no more."""
    X, y = load_digits(return_X_y=True)
    folds = [scaled(X, y, *rows) for rows in StratifiedKFold(5).split(X, y)]
    params = candidates(done)
    nets, start = {}, time.perf_counter()
    with Parallel(n_jobs=2) as parallel:
        for rung in sorted({record["rung"] for record in done.history_}):
            runs = [record for record in done.history_ if record["rung"] == rung]
            keys = [(run["candidate_id"], run["fold"]) for run in runs]
            found = parallel(
                delayed(continued)(nets.get(key), params[key[0]], folds[key[1]], run["n_resources"])
                for key, run in zip(keys, runs, strict=True)
            )
            nets = {key: net for key, (net, _) in zip(keys, found, strict=True)}
    return time.perf_counter() - start


def candidates(done):
    """Return the settings of the networks of a search by the number of the candidate."""
    ids, params = done.cv_results_["candidate_id"], done.cv_results_["params"]
    prefix = "mlpclassifier__"
    named = ({name.removeprefix(prefix): value for name, value in own.items()} for own in params)
    return dict(zip(ids, named, strict=True))


def scaled(X, y, train, valid):
    scaler = StandardScaler().fit(X[train])
    return [
        part for rows in (train, valid) for part in (np.float32(scaler.transform(X[rows])), y[rows])
    ]


def continued(net, params, fold, n_epochs):
    """Train a skorch net until it has had so many epochs, and score it."""
    X, y, X_valid, y_valid = fold
    if net is None:
        net = as_skorch(MLPClassifier(**params), X, y).set_params(
            lr=params["lr"], optimizer__weight_decay=params["weight_decay"]
        )
        net.initialize()
    net.set_params(max_epochs=n_epochs - len(net.history))
    net.partial_fit(X, y)
    return net, net.score(X_valid, y_valid)


def seconds_of_products(done):
    """Return what two cores need for the matrix products of a search, and nothing else."""
    params, names = candidates(done), ("width", "depth", "batch_size")
    trained = {(run["candidate_id"], run["fold"]): run["n_resources"] for run in done.history_}
    epochs = Counter()
    for (number, _), n_epochs in trained.items():
        epochs[tuple(params[number][name] for name in names)] += n_epochs
    total = 0.0
    for shape, n_epochs in epochs.items():
        net = MLPClassifier(**dict(zip(names, shape, strict=True)))
        run = products(net, 5, 1437, 64, 10)
        run()
        total += milliseconds(run, 5) / 1000 * n_epochs
    return total / 2


def search(options):
    """Print whole searches with stacking on and off, and where their time goes."""
    timed(halving("auto", 0, n_candidates=9, max_resources=9))  # starts the worker processes
    print(
        "| seed | skorch, s | off, s | on, s | skorch / on | off / on | products, s | training "
        "| scoring | rest | mean stack | off, score | on, score |"
    )
    print("| --- " * 13 + "|")
    ratios = []
    for seed in range(options.repeats):
        off, on = halving(False, seed), halving("auto", seed)
        solo, stacked, plain = timed(off), timed(on), by_skorch(on)
        ratios.append((plain / stacked, solo / stacked))
        shares = [sum(r[f"{n}_time"] for r in on.history_) / 2 / stacked for n in ("fit", "score")]
        with at_most(1):
            limit = seconds_of_products(on)
        print(
            f"| {seed} | {plain:.1f} | {solo:.1f} | {stacked:.1f} | {ratios[-1][0]:.1f} "
            f"| {ratios[-1][1]:.1f} | {limit:.1f} | {shares[0]:.0%} | {shares[1]:.0%} "
            f"| {1 - sum(shares):.0%} | {on.stacking_['mean_size']:.1f} "
            f"| {off.best_score_:.4f} | {on.best_score_:.4f} |",
            flush=True,
        )
    for name, found in zip(("skorch / on", "off / on"), zip(*ratios, strict=True), strict=True):
        print(f"{name}: {statistics.median(found):.1f} ({min(found):.1f} to {max(found):.1f})")


class FewStructures:
    """A sampler that draws few structures and several settings of each."""

    def __init__(self, seed, n_settings):
        self.draws, self.n_settings = Space(SPACE).draws(seed), n_settings

    def propose(self, n_candidates, history):
        """Return settings of the next structures."""
        found = []
        while len(found) < n_candidates:
            structure = next(self.draws)
            for _ in range(min(self.n_settings, n_candidates - len(found))):
                free = next(self.draws)
                found.append(structure | {name: free[name] for name in FREE})
        return found


def structures(options):
    """Print scores and times of searches with one, three and nine settings per structure."""
    timed(halving("auto", 0, n_candidates=9, max_resources=9))
    print("| settings per structure | s | mean stack | score |")
    print("| --- | --- | --- | --- |")
    for n_settings in (1, 3, 9):
        found = []
        for seed in range(options.repeats):
            tried = halving("auto", seed, FewStructures(seed, n_settings))
            found.append((timed(tried), tried.stacking_["mean_size"], tried.best_score_))
        means = [statistics.mean(column) for column in zip(*found, strict=True)]
        print(f"| {n_settings} | {means[0]:.1f} | {means[1]:.1f} | {means[2]:.4f} |", flush=True)


def memory(options):
    """Print the peak memory of one process that searches once, and after ten searches."""
    for stacking in ("False", "'auto'"):
        code = (
            "from bench_stacked import *\n"
            # getrusage would count what the parent process had.
            "status = lambda: Path('/proc/self/status').read_text()\n"
            "peak = lambda: int(status().split('VmHWM:')[1].split()[0]) / 1024\n"
            f"run = lambda: timed(halving({stacking}, 0, n_jobs=1, n_candidates=27, "
            "max_resources=9))\n"
            "start = peak(); run(); first = peak(); [run() for _ in range(9)]\n"
            f"print({stacking!r}, f'{{start:.0f}} MiB before, {{first:.0f}} after one search, "
            "{peak():.0f} after ten')"
        )
        subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent)


PARTS = {"networks": networks, "search": search, "structures": structures, "memory": memory}


def main() -> None:
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=list(PARTS))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(2)
    for part in options.parts:
        print(f"\n{part}\n")
        PARTS[part](options)


if __name__ == "__main__":
    main()
