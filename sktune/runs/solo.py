"""The solo trainer: one skorch network at a time, advanced from rung to rung exactly.

It is the oracle of every faster trainer. Between rungs nothing is begun again: callbacks see one
``on_train_begin``, the training split is drawn once, and the schedules, the early stopping and
the random generators go on from the snapshot.
"""

import dis
import math
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from types import TracebackType
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback

from sktune.exceptions import DivergedError
from sktune.runs.files import gathered, own_directory
from sktune.runs.overrides import fits_itself
from sktune.runs.rows import whole
from sktune.runs.run import (
    Advanced,
    AdvanceJob,
    begin,
    ended,
    loading,
    measure,
    n_trained_weights,
    quiet,
    ready,
    scored,
    silenced,
    strict_warnings,
    tell_begin,
)
from sktune.runs.snapshot import RunState, freeze


def advance(job: AdvanceJob) -> Advanced:
    """Train the run on to the rung and score it there.

    Raises
    ------
    DivergedError
        If the loss, the weights, the predictions or a score are not finite.
    """
    with job.setup.at_work():
        state = begin(job)
        advance_one = _fitted_anew if fits_itself(state.net) else _continued
        with state.randomness.turn(), strict_warnings():
            return advance_one(state, job)


def _continued(state: RunState, job: AdvanceJob) -> Advanced:
    """Train the epochs that are missing."""
    net, start = state.net, time.perf_counter()
    data, is_new = ready(net, job.setup, job.fold)
    with own_directory(state, job.setup.worker_folder):
        if is_new:
            data = tell_begin(net, job.setup, job.fold, data)
            state.loading = loading(net)
        X, y, params = data
        train(state, job.n_resources, X, y, params)
        state.randomness.hold()
        snapshot, trained = freeze(gathered(state)), time.perf_counter()
        ended(net, X, y)
        return _measured(job, state, snapshot, start, trained)


def _fitted_anew(state: RunState, job: AdvanceJob) -> Advanced:
    """Have a net that has a ``fit`` of its own trained by it, on rows and targets as they are."""
    net, start = state.net, time.perf_counter()
    with quiet(net), own_directory(state, job.setup.worker_folder):
        net.set_params(max_epochs=job.n_resources)
        net.fit(job.fold.train.X, job.fold.train.y, **job.fold.fit_params)
        gathered(state)
    for epoch in net.history:
        refuse_broken_losses(net, (batch.get("train_loss", 0.0) for batch in epoch["batches"]))
    refuse_broken_weights(net)
    state.epochs, state.is_ended = job.n_resources, True
    state.randomness.hold()
    snapshot, trained = freeze(state), time.perf_counter()
    return _measured(job, state, snapshot, start, trained)


def _measured(
    job: AdvanceJob, state: RunState, snapshot: bytes, start: float, trained: float
) -> Advanced:
    measured = measure(job, partial(scored, job, state.net))
    return Advanced(
        snapshot,
        *measured,
        n_parameters=n_trained_weights(state.net),
        fit_time=trained - start,
        score_time=time.perf_counter() - trained,
    )


def train(state: RunState, n_resources: int, X: Any, y: Any, params: Mapping[str, Any]) -> None:
    """Train the epochs that a run is short of, by skorch's own loop; refuse what diverges."""
    epochs = 0 if state.stopped else n_resources - state.epochs
    with in_training(state, n_resources):
        state.net.fit_loop(X, y, epochs=epochs, **params)


@contextmanager
def in_training(state: RunState, n_resources: int) -> Iterator[None]:
    """Have a run at the rung after the ``with`` block; refuse what diverges within."""
    net, watch = state.net, ("watch", _Watch(state))
    with silenced(net):
        net.callbacks_.insert(0, watch)
        try:
            yield
        except KeyboardInterrupt as error:
            if not raised_by_callback(error):
                raise
            state.stopped = True
        finally:
            net.callbacks_ = [callback for callback in net.callbacks_ if callback is not watch]
    watch[1].look_at_rows()
    state.epochs = n_resources
    refuse_broken_weights(net)


def refuse_broken_weights(net: NeuralNet) -> None:
    """Raise if a weight of the net is not finite."""
    if not all(bool(torch.isfinite(weight).all()) for weight in net.module_.parameters()):
        raise DivergedError(f"the weights are not finite after epoch {len(net.history)}")


class _Watch(Callback):
    """Ends a training whose loss is no longer finite, in the epoch where that happened.

    It notes in the run's state if other callbacks replace the training rows.
    """

    def __init__(self, state: RunState) -> None:
        self._state = state
        self._dataset: Any = None
        self._rows: list[Any] = []

    def on_epoch_begin(self, net: NeuralNet, dataset_train: Any = None, **kwargs: Any) -> None:
        if self._dataset is None:
            self._dataset, self._rows = dataset_train, rows_in(dataset_train)

    def look_at_rows(self) -> None:
        """Compare the training rows with those of the first epoch."""
        pairs = zip(self._rows, rows_in(self._dataset), strict=False)
        self._state.has_other_rows |= any(one is not other for one, other in pairs)

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        refuse_broken_losses(net, (b.get("train_loss", 0.0) for b in net.history[-1]["batches"]))


def refuse_broken_losses(net: NeuralNet, losses: Iterable[float]) -> None:
    """Raise if a loss of the net's latest epoch is not finite."""
    for loss in losses:
        if not math.isfinite(loss):
            raise DivergedError(f"the loss is {loss} in epoch {len(net.history)}")


def rows_in(dataset: Any) -> list[Any]:
    """Return the rows and targets of a data set, or of that of which it is a part."""
    return [getattr(whole(dataset), name, None) for name in ("X", "y")]


def raised_by_callback(error: KeyboardInterrupt) -> bool:
    """Tell a callback that ends the training from a user who pressed Ctrl-C.

    skorch's callbacks say ``raise KeyboardInterrupt``; a signal strikes at any other instruction.
    """
    frame = origin(error)
    return frame is not None and is_raise(frame)


def origin(error: BaseException) -> TracebackType | None:
    """Return the innermost frame of an exception's traceback."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace


def is_raise(frame: TracebackType) -> bool:
    """Whether a frame of a traceback stands at a ``raise`` statement."""
    code = frame.tb_frame.f_code.co_code
    return dis.opname[code[frame.tb_lasti]] == "RAISE_VARARGS"
