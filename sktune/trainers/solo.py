"""The solo trainer: one skorch network at a time, advanced from rung to rung exactly.

It is the oracle of every faster trainer. Between rungs nothing is begun again: callbacks see one
``on_train_begin``, the training split is drawn once, and the schedules, the early stopping and
the random generators go on from the snapshot.
"""

import dis
import math
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch.utils.data import Subset

from sktune.candidates import Params
from sktune.exceptions import DivergedError
from sktune.nets import TabularNet
from sktune.nets.randomness import Randomness
from sktune.trainers.anatomy import assembled
from sktune.trainers.fold import Part, PreparedFold
from sktune.trainers.scoring import ranking_metric, scores
from sktune.trainers.setup import Setup
from sktune.trainers.snapshot import RunState, freeze, thaw


@dataclass(frozen=True)
class AdvanceJob:
    """Train a run until it has had ``n_resources`` epochs, and score it."""

    setup: Setup
    params: Params
    fold: PreparedFold
    n_resources: int
    seed: int
    snapshot: bytes | None = None


@dataclass(frozen=True)
class Advanced:
    """What came of it: the snapshot to go on from, the scores, and what it cost."""

    snapshot: bytes
    score: float
    scores: Mapping[str, float] = field(default_factory=dict)
    train_scores: Mapping[str, float] = field(default_factory=dict)
    n_parameters: int = 0
    fit_time: float = 0.0
    score_time: float = 0.0


def advance(job: AdvanceJob) -> Advanced:
    """Train the run on to the rung and score it there.

    Raises
    ------
    DivergedError
        If the loss, the weights, the predictions or a score are not finite.
    """
    with job.setup.at_work():
        state = _new_run(job) if job.snapshot is None else thaw(job.snapshot)
        with state.randomness.turn(), warnings.catch_warnings():
            # Workers get memory maps that cannot be written to, and nobody does.
            warnings.filterwarnings("ignore", "The given NumPy array is not writable")
            start = time.perf_counter()
            X, y, params = _training_data(state.net, job.setup, job.fold)
            _train(state, job.n_resources, X, y, params)
            state.randomness.hold()
            snapshot, trained = freeze(state), time.perf_counter()
            net = _ended(state.net, X, y)
            measured = _measure(job, net)
        return Advanced(
            snapshot,
            *measured,
            n_parameters=sum(p.numel() for p in net.module_.parameters() if p.requires_grad),
            fit_time=trained - start,
            score_time=time.perf_counter() - trained,
        )


def finished_net(setup: Setup, fold: PreparedFold, snapshot: bytes) -> NeuralNet:
    """Return the net of a snapshot as it is when training ends there."""
    state = thaw(snapshot)
    with setup.at_work(), state.randomness.turn():
        X, y, _ = _training_data(state.net, setup, fold)
        net = _ended(state.net, X, y)
    if isinstance(net.train_split, _FixedSplit):
        net.train_split = net.train_split.split
    return net


def _new_run(job: AdvanceJob) -> RunState:
    randomness = Randomness(job.seed)
    with randomness.turn():
        net = job.setup.net(job.params)
    if net.train_split is not None:
        net.train_split = _FixedSplit(net.train_split)
    return RunState(net, randomness)


def _train(state: RunState, n_resources: int, X: Any, y: Any, params: Mapping[str, Any]) -> None:
    net, verbose = state.net, state.net.verbose
    net.verbose = 0
    if not net.initialized_:
        net.initialize()
        net.notify("on_train_begin", X=X, y=y)
    epochs = 0 if state.stopped else n_resources - state.epochs
    net.callbacks_.insert(0, ("watch", _Watch()))
    try:
        net.fit_loop(X, y, epochs=epochs, **params)
    except KeyboardInterrupt as error:
        if not _raised_by_callback(error):
            raise
        state.stopped = True
    finally:
        net.callbacks_.pop(0)
        net.verbose = verbose
    state.epochs = n_resources
    if not all(bool(torch.isfinite(weight).all()) for weight in net.module_.parameters()):
        raise DivergedError(f"the weights are not finite after epoch {len(net.history)}")


def _training_data(
    net: NeuralNet, setup: Setup, fold: PreparedFold
) -> tuple[Any, Any, Mapping[str, Any]]:
    X, y = fold.train.X, fold.train.y
    if isinstance(net, TabularNet):
        return net.encode(X, y, classes=setup.classes, **fold.fit_params), None, {}
    return X, setup.codec(net).encode(y), fold.fit_params


def _ended(net: NeuralNet, X: Any, y: Any) -> NeuralNet:
    # Callbacks may load their best weights now, so the net is not to be trained on after this.
    net.notify("on_train_end", X=X, y=y)
    return net


def _measure(
    job: AdvanceJob, net: NeuralNet
) -> tuple[float, Mapping[str, float], Mapping[str, float]]:
    """Return the score to be ranked by, all scores, and those of the training rows."""
    if job.fold.valid is None:
        return math.nan, {}, {}
    test = _scored(job, net, job.fold.valid)
    score = test[ranking_metric(list(test), job.setup.refit)]
    return score, test, _scored(job, net, job.fold.train) if job.setup.return_train_score else {}


def _scored(job: AdvanceJob, net: NeuralNet, part: Part) -> dict[str, float]:
    setup, X = job.setup, part.X
    estimator = setup.codec(net).view(net)
    if part.raw is not None:
        estimator = assembled(setup.whole(job.params), job.fold.heads, estimator)
        X = part.raw
    return scores(setup.scorer, estimator, net, X, part.y, part.score_params)


class _Watch(Callback):
    """Ends a training whose loss is no longer finite, in the epoch where that happened."""

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        for batch in net.history[-1]["batches"]:
            loss = batch.get("train_loss", 0.0)
            if not math.isfinite(loss):
                raise DivergedError(f"the loss is {loss} in epoch {len(net.history)}")


class _FixedSplit:
    """A net's own train/validation split, drawn once and kept for the whole run."""

    def __init__(self, split: Any) -> None:
        self.split = split
        self.rows: tuple[Any, Any] | None = None

    def __call__(self, dataset: Any, y: Any = None, **params: Any) -> tuple[Any, Any]:
        if self.rows is not None:
            train, valid = self.rows
            return Subset(dataset, train), Subset(dataset, valid)
        # skorch leaves y out when there is none, since some splits do not take it.
        given = () if y is None else (y,)
        train_set, valid_set = self.split(dataset, *given, **params)
        if isinstance(train_set, Subset) and isinstance(valid_set, Subset):
            self.rows = (train_set.indices, valid_set.indices)
        return train_set, valid_set


def _raised_by_callback(error: KeyboardInterrupt) -> bool:
    """Tell a callback that ends the training from a user who pressed Ctrl-C.

    skorch's callbacks say ``raise KeyboardInterrupt``; a signal strikes at any other instruction.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return False
    code = trace.tb_frame.f_code.co_code
    return dis.opname[code[trace.tb_lasti]] == "RAISE_VARARGS"
