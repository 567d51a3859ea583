"""What every trainer owes: rungs = straight, snapshots, neighbours, failures as values."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.metrics import check_scoring
from skorch.callbacks import EarlyStopping, LRScheduler
from skorch.dataset import ValidSplit
from torch.optim import lr_scheduler

from sktune import MLPClassifier, MLPRegressor
from sktune.candidates import Failure
from sktune.runs import AdvanceJob, Part, PreparedFold, Setup
from sktune.runs.snapshot import thaw
from tests.user_nets import NanAtEpoch, NanInEvaluation, Raises, classifier, same_bits, weights

X, Y = (part[:149] for part in load_iris(return_X_y=True))  # folds of 111 and 112 rows
X = X.astype(np.float32)
FOLDS = [
    PreparedFold(Part(X[rows], Y[rows]), Part(X[~rows], Y[~rows]))
    for rows in (np.arange(len(X)) % 4 != fold for fold in range(4))
]
RUNGS = (1, 3, 9)


def setup_of(net, **settings):
    return Setup(net, check_scoring(net), horizon=9, classes=np.unique(Y), **settings)


def jobs_of(net, params=({}, {}, {}), rung=9, snapshots=None):
    """Return a run for each setting, on one fold after the other."""
    setup = setup_of(net)
    snapshots = snapshots or [None] * len(params)
    return [
        AdvanceJob(setup, p, FOLDS[k % len(FOLDS)], rung, 100 + k, snapshot)
        for k, (p, snapshot) in enumerate(zip(params, snapshots, strict=True))
    ]


def climbed(trainer, net, rungs, **settings):
    """Return the outcomes of runs that were frozen and thawed at each rung."""
    snapshots = None
    for rung in rungs:
        outcomes = trainer.advance(jobs_of(net, rung=rung, snapshots=snapshots, **settings))
        snapshots = [outcome.snapshot for outcome in outcomes]
    return outcomes


def nets(outcomes):
    return [thaw(outcome.snapshot).net for outcome in outcomes]


def schedule(policy, step_every="epoch", **settings):
    return [("lr", LRScheduler(policy, step_every=step_every, **settings))]


NETS = {
    "plain": lambda: classifier(),
    "dropout": lambda: classifier(module__dropout=0.4),
    "sgd": lambda: classifier(optimizer=torch.optim.SGD, optimizer__momentum=0.9),
    "adagrad": lambda: classifier(optimizer=torch.optim.Adagrad),
    "nadam": lambda: classifier(optimizer=torch.optim.NAdam),
    "exponential": lambda: classifier(callbacks=schedule("ExponentialLR", gamma=0.9)),
    "onecycle": lambda: classifier(
        callbacks=schedule(lr_scheduler.OneCycleLR, "batch", max_lr=0.05, total_steps=9 * 8)
    ),
    "plateau": lambda: classifier(
        callbacks=schedule("ReduceLROnPlateau", monitor="train_loss", patience=1, threshold=0.3)
    ),
    "validation": lambda: classifier(train_split=ValidSplit(0.2)),
    "ours": lambda: MLPClassifier(width=8, batch_size=16, dropout=0.2),
    "ours, normalised": lambda: MLPClassifier(width=8, batch_size=16, normalization="batch"),
    "ours, seeded": lambda: MLPClassifier(width=8, batch_size=16, dropout=0.2, random_state=3),
    "regressor": lambda: MLPRegressor(width=8, batch_size=16, lr_schedule="onecycle"),
}


class TrainerLaws:
    """Run by a test class for each trainer, which has it as ``trainer``."""

    @pytest.mark.parametrize("name", NETS)
    def test_rungs_are_straight(self, name):
        straight = climbed(self.trainer, NETS[name](), [9])
        stepped = climbed(self.trainer, NETS[name](), RUNGS)
        for one, other in zip(nets(straight), nets(stepped), strict=True):
            assert same_bits(one, other)
            assert len(one.history) == len(other.history) == 9
            assert one.history[:, "train_loss"] == other.history[:, "train_loss"]
        assert [o.scores for o in straight] == [o.scores for o in stepped]

    def test_a_snapshot_is_not_changed_by_going_on(self):
        net = classifier(module__dropout=0.5)
        first = [o.snapshot for o in climbed(self.trainer, net, [3])]
        ends = [nets(self.trainer.advance(jobs_of(net, snapshots=first))) for _ in range(2)]
        assert all(same_bits(*pair) for pair in zip(*ends, strict=True))

    def test_runs_come_back_in_order(self):
        params = [{"lr": lr} for lr in (0.001, 0.01, 0.1, 0.02, 0.003)]
        outcomes = self.trainer.advance(jobs_of(classifier(), params, rung=1))
        assert [net.lr for net in nets(outcomes)] == [p["lr"] for p in params]

    @pytest.mark.parametrize("module", [NanAtEpoch, NanInEvaluation, Raises])
    def test_a_broken_network_is_a_value_and_harms_no_other(self, module):
        name = "nan_from_batch" if module is NanAtEpoch else "broken"
        broken = {f"module__{name}": 9 if module is NanAtEpoch else True}
        whole = self.trainer.advance(jobs_of(classifier(module), [{}, {}, {}]))
        outcomes = self.trainer.advance(jobs_of(classifier(module), [{}, broken, {}]))
        assert isinstance(outcomes[1], Failure)
        for kept in (0, 2):
            assert same_bits(*nets([whole[kept], outcomes[kept]]))
            assert whole[kept].scores == outcomes[kept].scores

    def test_nan_in_one_network_leaves_the_others_to_the_bit(self):
        rates = [{"lr": 0.01}, {"lr": 0.02}, {"lr": 0.03}]
        whole = self.trainer.advance(jobs_of(classifier(), rates))
        wild = [rates[0], {"lr": 1e30}, rates[2]]
        outcomes = self.trainer.advance(jobs_of(classifier(), wild))
        assert outcomes[1].reason.startswith("DivergedError: the loss is nan in epoch 1")
        for kept in (0, 2):
            assert same_bits(*nets([whole[kept], outcomes[kept]]))
            assert whole[kept].scores == outcomes[kept].scores

    def test_impossible_settings_are_a_value(self):
        net = MLPClassifier(width=8, batch_size=16)
        outcomes = self.trainer.advance(jobs_of(net, [{}, {"lr": -1.0}, {}], rung=1))
        assert "`lr`=-1.0" in outcomes[1].reason
        assert not isinstance(outcomes[0], Failure)

    def test_early_stopping_stops_one_network_only(self):
        stop = EarlyStopping(monitor="train_loss", patience=2, threshold=0.2, load_best=True)
        rates = [{"lr": 0.02}, {"lr": 1e-6}, {"lr": 0.02}]
        straight = climbed(self.trainer, classifier(callbacks=[stop]), [9], params=rates)
        stepped = climbed(self.trainer, classifier(callbacks=[stop]), RUNGS, params=rates)
        assert len(nets(straight)[1].history) == 3
        assert len(nets(straight)[0].history) > 3
        for one, other in zip(nets(straight), nets(stepped), strict=True):
            assert len(one.history) == len(other.history)
            assert np.allclose(weights(one), weights(other), atol=1e-6)

    def test_the_callers_generators_are_left_alone(self):
        torch.manual_seed(0)
        np.random.seed(0)
        expected = torch.get_rng_state(), np.random.get_state()[1].tolist()
        self.trainer.advance(jobs_of(classifier(module__dropout=0.5), rung=1))
        assert torch.equal(torch.get_rng_state(), expected[0])
        assert np.random.get_state()[1].tolist() == expected[1]

    @pytest.mark.parametrize("normalization", [None, "batch", "layer"])
    def test_threads_change_nothing(self, normalization):
        net = MLPClassifier(width=128, batch_size=50, normalization=normalization, dropout=0.1)
        before, found = torch.get_num_threads(), []
        try:
            for n_threads in (1, 2):
                torch.set_num_threads(n_threads)
                found.append(nets(self.trainer.advance(jobs_of(net, rung=3))))
        finally:
            torch.set_num_threads(before)
        assert all(same_bits(*pair) for pair in zip(*found, strict=True))
