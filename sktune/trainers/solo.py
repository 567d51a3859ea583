"""The solo trainer: one skorch network at a time, advanced from rung to rung exactly.

It is the oracle of every faster trainer. Between rungs nothing is begun again: callbacks see one
``on_train_begin``, the training split is drawn once, and the schedules, the early stopping and
the random generators go on from the snapshot.
"""

import dis
import math
import time
import warnings
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback

from sktune.exceptions import DivergedError
from sktune.trainers.runs import (
    Advanced,
    AdvanceJob,
    begin,
    ended,
    initialize,
    measure,
    n_trained_weights,
    scored,
    silenced,
    training_data,
)
from sktune.trainers.snapshot import RunState, freeze


def advance(job: AdvanceJob) -> Advanced:
    """Train the run on to the rung and score it there.

    Raises
    ------
    DivergedError
        If the loss, the weights, the predictions or a score are not finite.
    """
    with job.setup.at_work():
        state = begin(job)
        with state.randomness.turn(), warnings.catch_warnings():
            # Workers get memory maps that cannot be written to, and nobody does.
            warnings.filterwarnings("ignore", "The given NumPy array is not writable")
            start = time.perf_counter()
            X, y, params = training_data(state.net, job.setup, job.fold)
            _train(state, job.n_resources, X, y, params)
            state.randomness.hold()
            snapshot, trained = freeze(state), time.perf_counter()
            net = ended(state.net, X, y)
            measured = measure(job, partial(scored, job, net))
        return Advanced(
            snapshot,
            *measured,
            n_parameters=n_trained_weights(net),
            fit_time=trained - start,
            score_time=time.perf_counter() - trained,
        )


def _train(state: RunState, n_resources: int, X: Any, y: Any, params: Mapping[str, Any]) -> None:
    net = state.net
    if not net.initialized_:
        initialize(net, X, y)
    epochs = 0 if state.stopped else n_resources - state.epochs
    with silenced(net):
        net.callbacks_.insert(0, ("watch", _Watch()))
        try:
            net.fit_loop(X, y, epochs=epochs, **params)
        except KeyboardInterrupt as error:
            if not raised_by_callback(error):
                raise
            state.stopped = True
    state.epochs = n_resources
    refuse_broken_weights(net)


def refuse_broken_weights(net: NeuralNet) -> None:
    """Raise if a weight of the net is not finite."""
    if not all(bool(torch.isfinite(weight).all()) for weight in net.module_.parameters()):
        raise DivergedError(f"the weights are not finite after epoch {len(net.history)}")


class _Watch(Callback):
    """Ends a training whose loss is no longer finite, in the epoch where that happened."""

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        refuse_broken_losses(net, (b.get("train_loss", 0.0) for b in net.history[-1]["batches"]))


def refuse_broken_losses(net: NeuralNet, losses: Iterable[float]) -> None:
    """Raise if a loss of the net's latest epoch is not finite."""
    for loss in losses:
        if not math.isfinite(loss):
            raise DivergedError(f"the loss is {loss} in epoch {len(net.history)}")


def raised_by_callback(error: KeyboardInterrupt) -> bool:
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
