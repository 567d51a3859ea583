"""Runs are stacked as far as they allow, and trained alone where they do not."""

import numpy as np
import pytest
import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import (
    Callback,
    EpochScoring,
    LRScheduler,
    ProgressBar,
)
from torch import nn
from torch.optim import lr_scheduler

from sktune.candidates import Failure
from sktune.trainers import SoloTrainer, StackedTrainer
from sktune.trainers import stack as stack_room
from tests.trainers.laws import climbed, jobs_of, nets
from tests.user_nets import Perceptron, classifier, same_bits, weights

SOLO, STACKED = SoloTrainer(), StackedTrainer()


def test_snapshots_go_from_one_trainer_to_the_other():
    def net():
        schedule = LRScheduler(lr_scheduler.StepLR, step_size=2, gamma=0.5)
        return classifier(callbacks=[("lr", schedule)])

    expected = nets(climbed(SOLO, net(), [9]))
    for first, then in ((SOLO, STACKED), (STACKED, SOLO)):
        snapshots = [o.snapshot for o in first.advance(jobs_of(net(), rung=3))]
        found = nets(then.advance(jobs_of(net(), snapshots=snapshots)))
        for one, other in zip(found, expected, strict=True):
            assert np.allclose(weights(one), weights(other), atol=1e-5)
            assert one.history[:, "event_lr"] == other.history[:, "event_lr"]
            assert [h.keys() for h in one.history] == [h.keys() for h in other.history]
            first_batch, expected_batch = (
                one.history[0, "batches", 0],
                other.history[0, "batches", 0],
            )
            assert first_batch.keys() == expected_batch.keys()
            assert one.optimizer_.state.keys() == set(one.module_.parameters())


def test_a_network_does_not_depend_on_its_neighbours():
    net = classifier(module__dropout=0.3)
    rates = [{"lr": lr, "module__dropout": d} for lr, d in ((0.01, 0.1), (0.02, 0.5), (0.03, 0.0))]
    together = nets(STACKED.advance(jobs_of(net, rates)))
    others = [rates[0], {"lr": 0.5}, {"lr": 1e-5, "module__dropout": 0.9}]
    assert same_bits(together[0], nets(STACKED.advance(jobs_of(net, others)))[0])
    # another make-up shows in the last digits at most
    for number, job in enumerate(jobs_of(net, rates)):
        alone = nets(STACKED.advance([job]))[0]
        assert np.allclose(weights(alone), weights(together[number]), atol=1e-5)


def reasons(net, params=({}, {})):
    return [o.solo_reason for o in STACKED.advance(jobs_of(net, params, rung=1))]


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.last = nn.LSTM(1, 4, batch_first=True), nn.Linear(4, 3)

    def forward(self, X):
        return self.last(self.lstm(X[:, :, None])[0][:, -1])


class Noisy(Perceptron):
    def forward(self, X):
        return super().forward(X + torch.randn_like(X))


class Branching(Perceptron):
    def forward(self, X):
        return super().forward(X if X.sum() > 0 else -X)


class Counting(Perceptron):
    count = 0

    def forward(self, X):
        self.count += 1
        return super().forward(X)


class Idle(Perceptron):
    def __init__(self, **settings):
        super().__init__(**settings)
        self.unused = nn.Linear(2, 2)


class MixesRows(Perceptron):
    def forward(self, X):
        return super().forward(X - X.mean(dim=0))


class OwnStep(NeuralNetClassifier):
    def train_step(self, batch, **params):
        return super().train_step(batch, **params)


class Peeking(Callback):
    def on_batch_end(self, net, **kwargs):
        pass


def own_step():
    return OwnStep(**dict(classifier().get_params(deep=False)))


@pytest.mark.parametrize(
    ("net", "words"),
    [
        (lambda: classifier(Recurrent), "LSTM layers cannot be batched"),
        (lambda: classifier(Noisy), "draws random numbers"),
        (lambda: classifier(Branching), "cannot be batched"),
        (lambda: classifier(Counting), "changes attributes"),
        (lambda: classifier(Idle), "no part in the loss"),
        (own_step, "OwnStep has a method train_step of its own"),
        (lambda: classifier(callbacks=[Peeking()]), "Peeking looks inside a batch"),
        (lambda: classifier(callbacks=[ProgressBar()]), "ProgressBar looks inside a batch"),
        (
            lambda: classifier(callbacks=[EpochScoring("accuracy", on_train=True)]),
            "outputs for the training rows",
        ),
        (
            lambda: classifier(callbacks=[LRScheduler("ReduceLROnPlateau", step_every="batch")]),
            "loss of each batch",
        ),
        (lambda: classifier(optimizer=torch.optim.LBFGS), "LBFGS"),
        (lambda: classifier(optimizer=torch.optim.Rprop), "Rprop"),
        (
            lambda: classifier(optimizer__param_groups=[("layers.0.*", {"lr": 0.1})]),
            "several groups of weights",
        ),
        (lambda: classifier(iterator_train__num_workers=0), "mini-batches in its own way"),
    ],
)
def test_what_does_not_stack_says_why_and_trains_alone(net, words):
    found = reasons(net())
    assert all(words in reason for reason in found), found
    alone = nets(SOLO.advance(jobs_of(net(), ({}, {}), rung=1)))
    stacked = nets(STACKED.advance(jobs_of(net(), ({}, {}), rung=1)))
    assert all(same_bits(*pair) for pair in zip(alone, stacked, strict=True))


def test_what_mixes_the_rows_of_a_batch_is_stacked():
    assert reasons(classifier(MixesRows)) == ["", ""]
    stacked = nets(STACKED.advance(jobs_of(classifier(MixesRows))))
    alone = nets(SOLO.advance(jobs_of(classifier(MixesRows))))
    assert np.allclose(weights(stacked[1]), weights(alone[1]), atol=1e-5)


def test_networks_of_several_structures_become_several_stacks():
    params = [{"module__width": w} for w in (8, 16, 8, 16, 16)]
    outcomes = STACKED.advance(jobs_of(classifier(), params, rung=3))
    assert [o.stack_size for o in outcomes] == [2, 3, 2, 3, 3]
    assert [net.module_.layers[0].out_features for net in nets(outcomes)] == [8, 16, 8, 16, 16]


def test_out_of_memory_halves_the_stack(monkeypatch):
    train, sizes = stack_room.Stack.train, []

    def short(self, epochs):
        sizes.append(len(self.members))
        if len(self.members) > 2:
            raise RuntimeError("[enforce fail] not enough memory: you tried to allocate")
        train(self, epochs)

    whole = STACKED.advance(jobs_of(classifier(), [{}] * 6, rung=3))
    monkeypatch.setattr(stack_room.Stack, "train", short)
    halved = STACKED.advance(jobs_of(classifier(), [{}] * 6, rung=3))
    assert sizes == [6, 3, 1, 2, 3, 1, 2]
    for one, other in zip(nets(whole), nets(halved), strict=True):
        assert np.allclose(weights(one), weights(other), atol=1e-5)


def test_memory_for_not_even_one_network_is_a_failure(monkeypatch):
    def none(self, epochs):
        raise MemoryError

    monkeypatch.setattr(stack_room.Stack, "train", none)
    outcome = STACKED.advance(jobs_of(classifier(), [{}], rung=1))[0]
    assert not isinstance(outcome, Failure)
    assert "MemoryError" in outcome.solo_reason
