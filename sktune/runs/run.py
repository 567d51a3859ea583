"""A run apart from its epochs: begun, given its data, ended, and scored."""

import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from skorch import NeuralNet
from skorch.callbacks import PrintLog
from torch.utils.data import Subset

from sktune.candidates import Failure, Params
from sktune.exceptions import InvalidSettingsError
from sktune.nets.randomness import Randomness
from sktune.runs.adapt import answering
from sktune.runs.anatomy import assembled
from sktune.runs.files import delivered, gathered, own_directory
from sktune.runs.fold import PreparedFold
from sktune.runs.kinds import Data, Known, kind_of
from sktune.runs.overrides import fits_itself
from sktune.runs.scoring import ranking_metric, scores
from sktune.runs.setup import Setup
from sktune.runs.snapshot import RunState, thaw
from sktune.runs.targets import targets_for

_LOADING = {"batch_size", "iterator_train", "iterator_valid"}


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
    """What came of it: the snapshot to go on from, the scores, and what it cost.

    ``stack_size`` is the number of networks it was trained with, itself included, and
    ``solo_reason`` says why it was not trained in a stack.
    """

    snapshot: bytes
    score: float
    scores: Mapping[str, float] = field(default_factory=dict)
    train_scores: Mapping[str, float] = field(default_factory=dict)
    n_parameters: int = 0
    fit_time: float = 0.0
    score_time: float = 0.0
    stack_size: int = 1
    solo_reason: str = ""


Outcome = Advanced | Failure
"""What became of a job."""


def finished_net(setup: Setup, fold: PreparedFold, snapshot: bytes) -> NeuralNet:
    """Return the net of a snapshot as it is when training ends there, as it answers a user."""
    state = thaw(snapshot)
    if not state.is_ended:
        with setup.at_work(), state.randomness.turn(), own_directory(state, setup.worker_folder):
            (X, y, _), _ = ready(state.net, setup, fold)
            ended(state.net, X, y)
            gathered(state)
    if fold.valid is None:
        delivered(state)
    if isinstance(state.net.train_split, _FixedSplit):
        state.net.train_split = state.net.train_split.split
    net: NeuralNet = answering(state.net)
    return net


def begin(job: AdvanceJob) -> RunState:
    """Return the run as its snapshot has it, or a new one, whose net is not initialised."""
    if job.snapshot is not None:
        state = thaw(job.snapshot)
        if state.has_other_rows:
            raise InvalidSettingsError(
                "A callback replaced the training rows at an earlier rung, and a run that goes on "
                "has those of its fold again: change rows in a `dataset` of the net's own, or set "
                "`min_resources` to `max_resources`, so that each network is trained in one go."
            )
        if not state.is_ended:
            # What callbacks have set since is for the next training, as in skorch.
            vars(state.net).update(state.loading)
            return state
    net = job.setup.net(job.params)
    if not net.train_split and net.train_split is not None:
        net.train_split = None  # False and 0 are no split at all
    if net.train_split is not None and not fits_itself(net):
        net.train_split = _FixedSplit(net.train_split)
    return RunState(net, Randomness(job.seed))


def ready(
    net: NeuralNet, setup: Setup, fold: PreparedFold, known: Known | None = None
) -> tuple[Data, bool]:
    """Return what the net is trained on, and whether the net is new; it is initialised then.

    ``known`` keeps what was found for the rows of the fold, for nets that are alike.
    """
    is_new, kind = not net.initialized_, kind_of(net)
    with quiet(net):
        if is_new:
            kind.learn_targets(net, setup, fold)
        found = kind.training_data(net, setup, fold, {} if known is None else known)
        if not net.initialized_:
            net.initialize()
    return found, is_new


@contextmanager
def quiet(net: NeuralNet) -> Iterator[None]:
    """Have a net print nothing for the length of a ``with`` block."""
    verbose, net.verbose = net.verbose, 0
    try:
        yield
    finally:
        net.verbose = verbose


def tell_begin(net: NeuralNet, setup: Setup, fold: PreparedFold, data: Data) -> Data:
    """Tell the callbacks of a new net that training begins; return what it is trained on then."""
    X, y, _ = data
    module = net.module_
    with quiet(net):
        net.notify("on_train_begin", X=X, y=y)
    if net.module_ is module:
        return data
    # A callback has given the module other sizes.
    net.targets_ = targets_for(net, fold.train.X, fold.train.y, setup.classes)
    return kind_of(net).training_data(net, setup, fold, {})


def loading(net: NeuralNet) -> dict[str, Any]:
    """Return how a net loads mini-batches: skorch makes its loaders when training begins."""
    return {name: value for name, value in vars(net).items() if name in _LOADING}


@contextmanager
def strict_warnings() -> Iterator[None]:
    """Refuse targets that would be broadcast, of which torch only warns."""
    with warnings.catch_warnings():
        # Workers get memory maps that cannot be written to, and nobody does.
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        warnings.filterwarnings("error", "Using a target size")
        # What torch batches by a loop is none the worse for it.
        warnings.filterwarnings("ignore", "There is a performance drop")
        yield


@contextmanager
def silenced(net: NeuralNet) -> Iterator[None]:
    """Take away, for the length of a ``with`` block, what prints: making tables takes time too."""
    verbose, net.verbose = net.verbose, 0
    printing = [(k, c) for k, c in enumerate(net.callbacks_) if isinstance(c[1], PrintLog)]
    net.callbacks_ = [c for c in net.callbacks_ if not isinstance(c[1], PrintLog)]
    try:
        yield
    finally:
        net.verbose = verbose
        # Others may have come or gone meanwhile.
        for place, callback in printing:
            net.callbacks_.insert(place, callback)


def ended(net: NeuralNet, X: Any, y: Any) -> NeuralNet:
    """Return the net as it is when training ends here."""
    # Callbacks may load their best weights now, so the net is not to be trained on after this.
    net.notify("on_train_end", X=X, y=y)
    return net


def n_trained_weights(net: NeuralNet) -> int:
    """Return the number of weights that are trained."""
    return sum(p.numel() for p in net.module_.parameters() if p.requires_grad)


def measure(
    job: AdvanceJob, scored: Callable[[str], Mapping[str, float]]
) -> tuple[float, Mapping[str, float], Mapping[str, float]]:
    """Return the score to be ranked by, all scores, and those of the training rows.

    ``scored`` gives the scores of a part of the fold, by its name.
    """
    if job.fold.valid is None:
        return math.nan, {}, {}
    test = scored("valid")
    score = test[ranking_metric(list(test), job.setup.refit)]
    if not job.setup.return_train_score:
        return score, test, {}
    return score, test, scored("original" if job.fold.original else "train")


def scored(job: AdvanceJob, net: NeuralNet, name: str) -> dict[str, float]:
    """Return a trained net's scores for a part of its fold."""
    setup, part = job.setup, getattr(job.fold, name)
    X = part.X
    estimator = answering(net)
    if part.raw is not None:
        estimator = assembled(setup.whole(job.params), job.fold.heads, estimator)
        X = part.raw
    return scores(setup.scorer, estimator, net, X, part.y, part.score_params)


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
