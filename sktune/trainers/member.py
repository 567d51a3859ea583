"""A network in a stack: its run, its data, and what skorch does for it around each epoch."""

import time
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from skorch import NeuralNet

from sktune.nets.randomness import Randomness
from sktune.runs.files import gathered, own_directory
from sktune.runs.fold import PreparedFold
from sktune.runs.kinds import Known, kind_of
from sktune.runs.run import (
    AdvanceJob,
    begin,
    ended,
    loading,
    ready,
    tell_begin,
)
from sktune.runs.snapshot import freeze
from sktune.runs.solo import (
    in_training,
    raised_by_callback,
    refuse_broken_losses,
    refuse_broken_weights,
)
from sktune.stacking.batches import Table
from sktune.trainers.changes import changed, facts
from sktune.trainers.obstacles import obstacle
from sktune.trainers.schedules import STILL, EpochRates, epoch_rates
from sktune.trainers.settings import calls_users_code
from sktune.trainers.tables import table_of


class FoldRows:
    """Keeps the rows of folds as nets take them, for all nets that are alike."""

    def __init__(self) -> None:
        self._sources: dict[int, int] = {}
        self._known: dict[int, Known] = {}

    def source(self, fold: PreparedFold) -> int:
        """Return a number for the rows of a fold, in the order in which they are first seen."""
        return self._sources.setdefault(id(fold.train.X), len(self._sources))

    def known(self, fold: PreparedFold) -> Known:
        """Return what was found for the rows of a fold, to be kept there."""
        return self._known.setdefault(self.source(fold), {})


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
    change : str
        Why it has left the stack, to be trained or scored alone from there; none if it has not.
    seconds : float
        What it took to begin.
    """

    def __init__(self, job: AdvanceJob, rows: FoldRows, directories: ExitStack) -> None:
        start = time.perf_counter()
        self.job, self.state = job, begin(job)
        self.net: NeuralNet = self.state.net
        self.is_live = not self.state.stopped
        self.error: Exception | None = None
        self.change = ""
        self._contents: dict[str, Hashable] | None = None
        self._is_within_epoch = False
        with self.state.randomness.turn():
            data, is_new = ready(self.net, job.setup, job.fold, rows.known(job.fold))
            directories.enter_context(own_directory(self.state, job.setup.worker_folder))
            if is_new:
                data = tell_begin(self.net, job.setup, job.fold, data)
                self.state.loading = loading(self.net)
            self.X, self.y, params = data
            self.net.check_data(self.X, self.y)
            self._sets = self.net.get_split_datasets(self.X, self.y, **params)
            self._loader, self._valid_loader = self._loaders()
        table = table_of(self._sets[0], rows.source(job.fold))
        self.obstacle = self._obstacle(params, table)
        if table is not None:
            self.table: Table = table
        self._randomness = self._own_randomness()
        self.generator = self._randomness.generator()
        self.is_watched = calls_users_code(self.net)
        self._draws = self._sets[1] is not None or self.is_watched
        self.seconds = time.perf_counter() - start

    def _loaders(self) -> tuple[Any, Any]:
        train, valid = self._sets
        loader = self.net.get_iterator(train, training=True)
        return loader, None if valid is None else self.net.get_iterator(valid, training=False)

    def _obstacle(self, params: Mapping[str, Any], table: Table | None) -> str | None:
        if self.state.stopped:
            return "a callback had ended its training before"
        if params:
            return f"its module or split is given {', '.join(sorted(params))}"
        if table is None:
            return "its data set is not one of plain arrays"
        return obstacle(self.net)

    def _own_randomness(self) -> Randomness:
        return kind_of(self.net).randomness(self.net) or self.state.randomness

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

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Have the network leave the stack if code of the user's changes what that is made of."""
        if not self.is_watched:
            yield
            return
        before = facts(self.net, self._sets[0], self._contents)
        yield
        after = facts(self.net, self._sets[0])
        self._contents, what = after.contents, changed(before, after)
        self.state.has_other_rows |= what == "training rows"
        if what:
            self.is_live = False
            self.change = (
                f"a callback changed its {what} in epoch {len(self.net.history)}; from there on "
                "it was trained alone"
            )

    def begin_epoch(self, n_steps: int) -> EpochRates:
        """Tell the callbacks, and return the learning rates of the epoch."""
        # Schedulers warn if the optimiser has not been stepped; the stack's steps for it.
        self.net.optimizer_._opt_called = True
        with self._watched():
            self._notify("on_epoch_begin")
        self._is_within_epoch = True
        return epoch_rates(self.net, n_steps) if self.is_live else STILL

    def _notify(self, hook: str) -> None:
        train, valid = self._sets
        self.net.notify(hook, dataset_train=train, dataset_valid=valid)

    def end_epoch(self, losses: Sequence[float], sizes: Sequence[int], rates: EpochRates) -> None:
        """Record the epoch, validate, and tell the callbacks."""
        net = self.net
        columns = {"train_loss": losses, "train_batch_size": sizes, **rates.events}
        rows = zip(*columns.values(), strict=True)
        net.history[-1]["batches"].extend(dict(zip(columns, row, strict=True)) for row in rows)
        net.history.record("train_batch_count", len(losses))
        self._finish_epoch(losses)

    def _finish_epoch(self, losses: Sequence[float]) -> None:
        net, valid = self.net, self._valid_loader
        with self._watched():
            if valid is not None:
                net.run_single_epoch(
                    valid, training=False, prefix="valid", step_fn=net.validation_step
                )
            refuse_broken_losses(net, losses)
            self._notify("on_epoch_end")
        self._is_within_epoch = False
        self.state.epochs += 1

    def go_on_alone(self) -> None:
        """Train the rest of the way to the rung as skorch does, after leaving the stack.

        The data sets and the loader are those that training began with, as in skorch's loop.
        """
        with in_training(self.state, self.job.n_resources):
            while self.state.epochs < self.job.n_resources:
                if not self._is_within_epoch:
                    self._notify("on_epoch_begin")
                self._train_epoch()

    def _train_epoch(self) -> None:
        net = self.net
        net.run_single_epoch(self._loader, training=True, prefix="train", step_fn=net.train_step)
        self._finish_epoch([batch["train_loss"] for batch in net.history[-1]["batches"]])

    def end(self) -> None:
        """Tell the callbacks that training ends here."""
        with self._watched():
            ended(self.net, self.X, self.y)

    def finish(self) -> None:
        """Bring the run up to the rung and freeze it; refuse weights that are not finite."""
        self.state.epochs = self.job.n_resources
        self._randomness.follow(self.generator)
        refuse_broken_weights(self.net)
        self.snapshot = freeze(gathered(self.state))

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        device: torch.device = next(self.net.module_.parameters()).device
        return device
