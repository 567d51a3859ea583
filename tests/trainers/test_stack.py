"""Members of a stack are trained together, each as if it were alone."""

from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pytest
import torch
from skorch.callbacks import GradientNormClipping

from sktune import MLPClassifier, MLPRegressor
from sktune.runs import AdvanceJob, Part, PreparedFold
from sktune.runs.snapshot import thaw
from sktune.stacking.fastest_threads import FastestThreads
from sktune.stacking.proof import UnstackableError
from sktune.trainers import SoloTrainer, StackedTrainer
from sktune.trainers import stack as stack_room
from sktune.trainers.member import FoldRows, Member
from tests.trainers.laws import FOLDS, RUNGS, X, Y, climbed, jobs_of, nets, setup_of
from tests.user_nets import Perceptron, classifier, same_bits, weights

SOLO, STACKED = SoloTrainer(), StackedTrainer()


@pytest.fixture
def members_of():
    with ExitStack() as directories:
        rows = FoldRows()
        yield lambda jobs: [Member(job, rows, directories) for job in jobs]


def test_networks_with_equally_many_rows_are_side_by_side_and_those_of_a_fold(members_of):
    jobs = jobs_of(classifier(), [{}] * 5, rung=1)
    order = [1, 0, 2, 1, 0]  # the first fold has a row less than the others
    members = members_of([replace(j, fold=FOLDS[k]) for j, k in zip(jobs, order, strict=True)])
    found = stack_room.Stack(members).members
    assert [members.index(member) for member in found] == [1, 4, 0, 3, 2]


def test_each_member_is_trained_up_to_its_rung(members_of):
    jobs = jobs_of(classifier(lr=0.01), [{"lr": 0.02}, {"optimizer__weight_decay": 0.1}], rung=3)
    stack = stack_room.Stack(members_of(jobs))
    stack.train(3)
    for member in stack.members:
        (alone,) = nets(SOLO.advance([member.job]))
        found = thaw(member.snapshot)
        assert np.allclose(weights(found.net), weights(alone), atol=1e-5)
        assert same_bits(found.net, member.net)
        assert found.epochs == len(member.net.history) == 3


class Noisy(Perceptron):
    def forward(self, X):
        return super().forward(X + torch.randn_like(X))


def test_what_a_stack_cannot_do_is_refused_before_it_is_trained(members_of):
    members = members_of(jobs_of(classifier(Noisy), rung=1))
    before = [weights(member.net).copy() for member in members]
    with pytest.raises(UnstackableError, match="draws random numbers"):
        stack_room.Stack(members)
    assert all(
        np.array_equal(weights(member.net), own)
        for member, own in zip(members, before, strict=True)
    )


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
