"""A network in a stack: what skorch and its callbacks see of it."""

import signal
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, EarlyStopping
from skorch.dataset import ValidSplit

from sktune.exceptions import DivergedError
from sktune.runs.snapshot import thaw
from sktune.trainers import SoloTrainer, StackedTrainer
from sktune.trainers.member import FoldRows, Member
from tests.trainers.laws import FOLDS, RUNGS, climbed, jobs_of, nets
from tests.user_nets import classifier, same_bits, weights

SOLO, STACKED = SoloTrainer(), StackedTrainer()


@pytest.fixture
def directories():
    with ExitStack() as directories:
        yield directories


class Drawing(Callback):
    """A callback of the user's, which draws a number at the beginning of each epoch."""

    def on_epoch_begin(self, net, **kwargs):
        self.drawn = [*getattr(self, "drawn", []), float(torch.rand(()))]


def job_of(net, **changes):
    return replace(jobs_of(net, [{}], rung=3)[0], **changes)


def test_validation_within_a_stack_is_that_of_a_network_alone():
    def net():
        stop = EarlyStopping(monitor="valid_loss", patience=2, load_best=True)
        return classifier(callbacks=[stop], train_split=ValidSplit(0.2), lr=0.1)

    found, expected = (nets(climbed(t, net(), RUNGS)) for t in (STACKED, SOLO))
    outcomes = STACKED.advance(jobs_of(net(), ({}, {}), rung=1))
    assert [outcome.solo_reason for outcome in outcomes] == ["", ""]
    for one, other in zip(found, expected, strict=True):
        assert len(one.history) == len(other.history)
        for name in ("valid_loss", "valid_acc", "train_loss"):
            assert np.allclose(one.history[:, name], other.history[:, name], rtol=1e-3)


def test_a_users_callback_sees_the_network_between_epochs():
    class Keeper(Callback):
        def on_epoch_end(self, net, **kwargs):
            self.norms = [*getattr(self, "norms", []), float(np.linalg.norm(weights(net)))]
            self.moments = len(net.optimizer_.state)
            self.draw = float(torch.rand(()))

    def kept(trainer):
        net = classifier(callbacks=[("keeper", Keeper())])
        return [dict(net.callbacks_)["keeper"] for net in nets(climbed(trainer, net, RUNGS))]

    for one, other in zip(kept(STACKED), kept(SOLO), strict=True):
        assert np.allclose(one.norms, other.norms, rtol=1e-5)
        assert one.moments == other.moments == 4
        assert one.draw == other.draw


def test_a_callback_that_raises_ends_its_network_only():
    class Raising(Callback):
        def __init__(self, at=99):
            self.at = at

        def on_epoch_end(self, net, **kwargs):
            if len(net.history) == self.at:
                raise RuntimeError("had enough")

    net = classifier(callbacks=[("raising", Raising())])
    params = [{}, {"callbacks__raising__at": 2}, {}]
    whole = STACKED.advance(jobs_of(net, [{}, {}, {}]))
    found = STACKED.advance(jobs_of(net, params))
    assert found[1].reason == "RuntimeError: had enough"
    assert same_bits(*nets([whole[0], found[0]]))
    assert same_bits(*nets([whole[2], found[2]]))


def test_folds_are_numbered_as_they_are_first_seen():
    rows = FoldRows()
    assert [rows.source(FOLDS[k]) for k in (2, 0, 2, 1, 0)] == [0, 1, 0, 2, 1]
    assert rows.known(FOLDS[0]) is rows.known(replace(FOLDS[0], fit_params={"a": 1}))
    assert rows.known(FOLDS[0]) is not rows.known(FOLDS[1])


def stopped_before():
    net = classifier(callbacks=[EarlyStopping("train_loss", patience=1, threshold=10)])
    job = job_of(net)
    return replace(job, snapshot=SOLO.advance([job])[0].snapshot, n_resources=9)


def with_rows_by_name():
    fold = FOLDS[0]
    by_name = replace(fold.train, X={"X": fold.train.X})
    return job_of(classifier(), fold=replace(fold, train=by_name))


@pytest.mark.parametrize(
    ("job", "words"),
    [
        (lambda: job_of(classifier()), None),
        (stopped_before, "a callback had ended its training before"),
        (
            lambda: job_of(classifier(), fold=replace(FOLDS[0], fit_params={"b": 1, "a": 2})),
            "its module or split is given a, b",
        ),
        (with_rows_by_name, "its data set is not one of plain arrays"),
        (lambda: job_of(classifier(optimizer=torch.optim.LBFGS)), "the optimiser LBFGS"),
    ],
)
def test_what_bars_it_from_a_stack(job, words, directories):
    found = Member(job(), FoldRows(), directories).obstacle
    assert found is words if words is None else words in found


def test_an_epoch_is_recorded_as_skorch_does(directories):
    member = Member(job_of(classifier()), FoldRows(), directories)
    losses, sizes = [0.5, 0.25, 1.0], [16, 16, 4]
    rates = member.begin_epoch(3)
    assert rates.rates == [member.net.lr] * 3
    member.end_epoch(losses, sizes, rates)
    epoch = member.net.history[-1]
    assert [batch["train_loss"] for batch in epoch["batches"]] == losses
    assert epoch["train_loss"] == pytest.approx(np.average(losses, weights=sizes))
    assert epoch["train_batch_count"] == 3
    assert epoch["epoch"] == member.state.epochs == 1


def test_a_loss_that_is_not_finite_ends_it(directories):
    member = Member(job_of(classifier()), FoldRows(), directories)
    rates = member.begin_epoch(2)
    with member.guarded():
        member.end_epoch([0.5, float("nan")], [16, 16], rates)
    assert isinstance(member.error, DivergedError)
    assert not member.is_live


def interrupt():
    signal.raise_signal(signal.SIGINT)
    sum(range(10**6))


def test_a_callback_ends_its_network_and_ctrl_c_ends_all(directories):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    member = Member(job_of(classifier()), FoldRows(), directories)
    try:
        with pytest.raises(KeyboardInterrupt), member.guarded():
            interrupt()
    finally:
        signal.signal(signal.SIGINT, before)
    assert member.is_live
    with member.guarded():
        raise KeyboardInterrupt
    assert (member.is_live, member.state.stopped, member.error) == (False, True, None)


def test_all_of_the_way_alone_is_that_of_the_solo_trainer(directories):
    job = job_of(classifier(module__dropout=0.3, callbacks=[("drawing", Drawing())]))
    before = torch.get_rng_state()
    member = Member(job, FoldRows(), directories)
    with member.guarded():
        member.go_on_alone()
    member.finish()
    assert torch.equal(torch.get_rng_state(), before)
    (expected,), found = nets(SOLO.advance([job])), thaw(member.snapshot).net
    assert same_bits(found, expected)
    assert dict(found.callbacks_)["drawing"].drawn == dict(expected.callbacks_)["drawing"].drawn
    assert found.history[:, "train_loss"] == expected.history[:, "train_loss"]
