"""The solo trainer: one skorch network at a time, advanced from rung to rung exactly.

It is the oracle of every faster trainer. Between rungs nothing is begun again: callbacks see one
``on_train_begin``, the training split is drawn once, and the schedules, the early stopping and
the random generators go on from the snapshot.
"""

import dis
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch.utils.data import Subset

from sktune.candidates import Params
from sktune.exceptions import DivergedError, InvalidSettingsError
from sktune.nets import TabularNet
from sktune.nets.randomness import Randomness
from sktune.trainers.anatomy import assembled
from sktune.trainers.fold import PreparedFold
from sktune.trainers.scoring import scores
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
        with state.randomness.turn():
            start = time.perf_counter()
            _train(state, job)
            state.randomness.hold()
            snapshot, trained = freeze(state), time.perf_counter()
            net = _ended(state.net)
            measured = _measure(job, net)
        return Advanced(
            snapshot,
            *measured,
            n_parameters=sum(p.numel() for p in net.module_.parameters() if p.requires_grad),
            fit_time=trained - start,
            score_time=time.perf_counter() - trained,
        )


def finished_net(snapshot: bytes) -> NeuralNet:
    """Return the net of a snapshot as it is when training ends there."""
    state = thaw(snapshot)
    with state.randomness.turn():
        net = _ended(state.net)
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


def _train(state: RunState, job: AdvanceJob) -> None:
    net, verbose = state.net, state.net.verbose
    net.verbose = 0
    X, y, params = _training_data(net, job)
    if not net.initialized_:
        net.initialize()
        net.notify("on_train_begin", X=X, y=y)
    epochs = 0 if state.stopped else job.n_resources - state.epochs
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
    state.epochs = job.n_resources
    if not all(bool(torch.isfinite(weight).all()) for weight in net.module_.parameters()):
        raise DivergedError(f"the weights are not finite after epoch {len(net.history)}")


def _training_data(net: NeuralNet, job: AdvanceJob) -> tuple[Any, Any, Mapping[str, Any]]:
    fold = job.fold
    if isinstance(net, TabularNet):
        classes = {} if job.setup.classes is None else {"classes": job.setup.classes}
        return net.encode(fold.X_train, fold.y_train, **classes, **fold.fit_params), None, {}
    return fold.X_train, job.setup.codec.encode(fold.y_train), fold.fit_params


def _ended(net: NeuralNet) -> NeuralNet:
    # Callbacks may load their best weights now, so the net is not to be trained on after this.
    net.notify("on_train_end", X=None, y=None)
    return net


def _measure(job: AdvanceJob, net: NeuralNet) -> tuple[dict[str, float], dict[str, float]]:
    fold, setup = job.fold, job.setup
    if fold.X_valid is None:
        return {}, {}
    estimator, X = setup.codec.view(net), fold.X_valid
    if fold.raw_valid is not None:
        estimator, X = assembled(setup.whole(job.params), fold.heads, estimator), fold.raw_valid
    test = scores(setup.scorer, estimator, net, X, fold.y_valid, fold.score_params)
    if setup.rank_by not in test:
        raise InvalidSettingsError(
            f"`refit` must name one of the metrics that `scoring` returns, {sorted(test)}: "
            "candidates are promoted by it."
        )
    if not setup.return_train_score:
        return test, {}
    view = setup.codec.view(net)
    return test, scores(setup.scorer, view, net, fold.X_train, fold.y_train, {})


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
