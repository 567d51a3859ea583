"""A network in a stack: its run, its data, and what skorch does for it around each epoch."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from skorch import NeuralNet

from sktune.nets import ReadyNet
from sktune.nets.randomness import Randomness
from sktune.trainers.fold import PreparedFold
from sktune.trainers.runs import AdvanceJob, begin, initialize, training_data
from sktune.trainers.setup import Setup
from sktune.trainers.snapshot import freeze
from sktune.trainers.solo import raised_by_callback, refuse_broken_losses, refuse_broken_weights
from sktune.trainers.stacking.batches import Table, table_of
from sktune.trainers.stacking.kinship import calls_users_code, obstacle
from sktune.trainers.stacking.schedules import EpochRates, epoch_rates


class Encoder:
    """Encodes the rows of a fold once for all nets of ours that encode them alike."""

    def __init__(self) -> None:
        self._known: dict[Any, tuple[Any, Mapping[str, Any]]] = {}
        self._sources: dict[int, int] = {}

    def source(self, fold: PreparedFold) -> int:
        """Return a number for the rows of a fold, in the order in which they are first seen."""
        return self._sources.setdefault(id(fold.train.X), len(self._sources))

    def training_data(
        self, net: NeuralNet, setup: Setup, fold: PreparedFold
    ) -> tuple[Any, Any, Mapping[str, Any]]:
        """Return what the function of this name does."""
        if not isinstance(net, ReadyNet):
            return training_data(net, setup, fold)
        key = (self.source(fold), type(net), net.batch_size, net.max_epochs, net.initialized_)
        if key not in self._known:
            dataset, _, _ = training_data(net, setup, fold)
            self._known[key] = dataset, net.learned()
        dataset, learned = self._known[key]
        if not net.initialized_:
            net.learn(learned)
        return dataset, None, {}


class Member:
    """A run that has begun, or goes on from its snapshot.

    Attributes
    ----------
    obstacle : str or None
        Why the network cannot be in a stack.
    table : Table
        Its training rows.
    is_live : bool
        Whether it is still being trained.
    error : Exception or None
        What ended it.
    snapshot : bytes
        The run at the rung, when it is finished.
    seconds : float
        What it took to begin.
    """

    def __init__(self, job: AdvanceJob, encoder: Encoder) -> None:
        start = time.perf_counter()
        self.job, self.state = job, begin(job)
        self.net: NeuralNet = self.state.net
        self.is_live = not self.state.stopped
        self.error: Exception | None = None
        with self.state.randomness.turn():
            self.X, self.y, params = encoder.training_data(self.net, job.setup, job.fold)
            if not self.net.initialized_:
                initialize(self.net, self.X, self.y)
            self._sets = self.net.get_split_datasets(self.X, self.y, **params)
        table = table_of(self._sets[0], encoder.source(job.fold))
        self.obstacle = self._obstacle(params, table)
        if table is not None:
            self.table: Table = table
        self._randomness = self._own_randomness()
        self.generator = self._randomness.generator()
        self._draws = self._sets[1] is not None or calls_users_code(self.net)
        self.seconds = time.perf_counter() - start

    def _obstacle(self, params: Mapping[str, Any], table: Table | None) -> str | None:
        if self.state.stopped:
            return "a callback had ended its training before"
        if params:
            return f"its module or split is given {', '.join(sorted(params))}"
        if table is None:
            return "its data set is not one of plain arrays"
        return obstacle(self.net)

    def _own_randomness(self) -> Randomness:
        own = self.net.randomness_ if isinstance(self.net, ReadyNet) else None
        return own or self.state.randomness

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Let what goes wrong for this network end this network only."""
        try:
            if self._draws:
                self._randomness.follow(self.generator)
                with self._randomness.turn():
                    yield
                self.generator = self._randomness.generator()
            else:
                yield
        except KeyboardInterrupt as error:
            if not raised_by_callback(error):
                raise
            self.state.stopped, self.is_live = True, False
        except Exception as error:
            self.error, self.is_live = error, False

    def begin_epoch(self, n_steps: int) -> EpochRates:
        """Tell the callbacks, and return the learning rates of the epoch."""
        train, valid = self._sets
        # Schedulers warn if the optimiser has not been stepped; the stack's steps for it.
        self.net.optimizer_._opt_called = True
        self.net.notify("on_epoch_begin", dataset_train=train, dataset_valid=valid)
        return epoch_rates(self.net, n_steps)

    def end_epoch(self, losses: Sequence[float], sizes: Sequence[int], rates: EpochRates) -> None:
        """Record the epoch, validate, and tell the callbacks."""
        net, (train, valid) = self.net, self._sets
        columns = {"train_loss": losses, "train_batch_size": sizes, **rates.events}
        rows = zip(*columns.values(), strict=True)
        net.history[-1]["batches"].extend(dict(zip(columns, row, strict=True)) for row in rows)
        net.history.record("train_batch_count", len(losses))
        if valid is not None:
            loader = net.get_iterator(valid, training=False)
            net.run_single_epoch(
                loader, training=False, prefix="valid", step_fn=net.validation_step
            )
        refuse_broken_losses(net, losses)
        net.notify("on_epoch_end", dataset_train=train, dataset_valid=valid)

    def finish(self) -> None:
        """Bring the run up to the rung and freeze it; refuse weights that are not finite."""
        self.state.epochs = self.job.n_resources
        self._randomness.follow(self.generator)
        refuse_broken_weights(self.net)
        self.snapshot = freeze(self.state)

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        device: torch.device = next(self.net.module_.parameters()).device
        return device
