"""What the stacked trainer does besides agreeing with the solo trainer."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import check_scoring, make_scorer, mean_absolute_error
from skorch import NeuralNetClassifier
from skorch.callbacks import (
    Callback,
    EarlyStopping,
    EpochScoring,
    GradientNormClipping,
    LRScheduler,
    ProgressBar,
)
from skorch.dataset import ValidSplit
from torch import nn
from torch.optim import lr_scheduler

from sktune import MLPClassifier, MLPRegressor
from sktune.candidates import Failure
from sktune.runs import AdvanceJob, Part, PreparedFold, Setup
from sktune.runs.adapt import answering
from sktune.runs.snapshot import thaw
from sktune.stacking.fastest_threads import FastestThreads
from sktune.trainers import SoloTrainer, StackedTrainer
from sktune.trainers import stack as stack_room
from tests.trainers.laws import FOLDS, RUNGS, X, Y, climbed, jobs_of, nets, setup_of
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


def test_validation_within_a_stack_is_that_of_a_network_alone():
    def net():
        stop = EarlyStopping(monitor="valid_loss", patience=2, load_best=True)
        return classifier(callbacks=[stop], train_split=ValidSplit(0.2), lr=0.1)

    found, expected = (nets(climbed(t, net(), RUNGS)) for t in (STACKED, SOLO))
    assert reasons(net()) == ["", ""]
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


SCORINGS = {
    "several": ["accuracy", "neg_log_loss", "roc_auc_ovr", "f1_macro"],
    "own": make_scorer(mean_absolute_error, greater_is_better=False),
    "callable": lambda estimator, X, y: float((estimator.predict(X) == y).mean()) / 2,
    "default": None,
}


@pytest.mark.parametrize("name", SCORINGS)
@pytest.mark.parametrize("ours", [True, False])
def test_scores_are_those_of_the_network_itself(name, ours):
    net = MLPClassifier(width=8, batch_size=16) if ours else classifier()
    scoring = check_scoring(net, scoring=SCORINGS[name])
    setup = Setup(
        net,
        scoring,
        horizon=3,
        refit="accuracy",
        classes=np.unique(Y),
        return_train_score=True,
    )
    jobs = [AdvanceJob(setup, {}, FOLDS[k], 3, k) for k in range(4)]
    for outcome, job in zip(STACKED.advance(jobs), jobs, strict=True):
        trained = answering(thaw(outcome.snapshot).net)
        for part, scores in (
            (job.fold.valid, outcome.scores),
            (job.fold.train, outcome.train_scores),
        ):
            value = scoring(trained, part.X, part.y)
            expected = value if isinstance(value, dict) else {"score": value}
            assert scores == pytest.approx(expected, abs=1e-6)


def test_string_labels_and_thresholds():
    labels = np.array(["no", "yes"])[(Y == 1).astype(int)]
    fold = PreparedFold(Part(X[::2], labels[::2]), Part(X[1::2], labels[1::2]))
    net = classifier(module__n_out=2)
    scoring = check_scoring(net, scoring=["roc_auc", "neg_log_loss"])
    setup = Setup(net, scoring, horizon=9, refit="roc_auc", classes=np.unique(labels))
    jobs = [AdvanceJob(setup, {}, fold, 9, seed) for seed in range(3)]
    for one, other in zip(STACKED.advance(jobs), SOLO.advance(jobs), strict=True):
        assert one.scores == pytest.approx(other.scores, abs=1e-3)


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_sample_weights(kind):
    weight = np.random.default_rng(0).integers(0, 3, len(X)).astype(float)
    net = kind(width=8, batch_size=16)
    parts = Part(X[::2], Y[::2]), Part(X[1::2], Y[1::2])
    fold = PreparedFold(*parts, fit_params={"sample_weight": weight[::2]})
    jobs = [AdvanceJob(setup_of(net), {}, fold, 9, seed) for seed in range(3)]
    plain = [AdvanceJob(setup_of(net), {}, PreparedFold(*parts), 9, seed) for seed in range(3)]
    stacked, alone, unweighted = (
        nets(trainer.advance(j)) for trainer, j in ((STACKED, jobs), (SOLO, jobs), (STACKED, plain))
    )
    for one, other, without in zip(stacked, alone, unweighted, strict=True):
        assert np.allclose(weights(one), weights(other), atol=1e-5)
        assert not np.allclose(weights(one), weights(without), atol=1e-3)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu():
    net = MLPClassifier(width=8, batch_size=16, device="cuda")
    stacked, alone = (nets(climbed(t, net, RUNGS)) for t in (STACKED, SOLO))
    for one, other in zip(stacked, alone, strict=True):
        mine = torch.cat([p.detach().cpu().reshape(-1) for p in one.module_.parameters()])
        theirs = torch.cat([p.detach().cpu().reshape(-1) for p in other.module_.parameters()])
        assert torch.allclose(mine, theirs, atol=1e-4)


class Watched(FastestThreads):
    """Takes the other number of threads at every second step, if it may."""

    n_made = 0

    def measure(self, step):
        if self._is_allowed():
            type(self).n_made += 1
            self._timed(step, (1, 2)[self.n_made % 2])
        else:
            step()


@pytest.fixture
def watched(monkeypatch):
    Watched.n_made, before = 0, torch.get_num_threads()
    torch.set_num_threads(2)
    monkeypatch.setattr(stack_room, "FastestThreads", Watched)
    yield Watched
    torch.set_num_threads(before)


def trained_on(n_workers, **settings):
    net = MLPClassifier(**{"width": 160, "depth": 3, "batch_size": 16} | settings)
    setup = replace(setup_of(net), n_workers=n_workers)
    params = [{"lr": 0.001 * k, "dropout": 0.1 * k} for k in range(1, 6)]
    jobs = [AdvanceJob(setup, p, FOLDS[0], 3, seed) for seed, p in enumerate(params)]
    return nets(STACKED.advance(jobs))


@pytest.mark.parametrize(
    "settings", [{}, {"activation": "gelu"}, {"optimizer": "sgd"}, {"normalization": "layer"}]
)
def test_threads_change_no_bit(watched, settings):
    alone, beside = trained_on(1, **settings), trained_on(2, **settings)
    assert watched.n_made
    assert all(same_bits(*pair) for pair in zip(alone, beside, strict=True))


def test_stacks_that_threads_would_change_have_one(watched):
    trained_on(1, normalization="batch")
    trained_on(2)
    STACKED.advance(jobs_of(classifier(callbacks=[GradientNormClipping(1.0)])))
    assert not watched.n_made
