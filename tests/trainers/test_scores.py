"""Scores of a stack are those of each network by itself."""

from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import check_scoring, make_scorer, mean_absolute_error

from sktune import MLPClassifier
from sktune.candidates import Failure
from sktune.runs import AdvanceJob, Part, PreparedFold, Setup
from sktune.runs.adapt import answering
from sktune.runs.snapshot import thaw
from sktune.trainers import SoloTrainer, StackedTrainer
from sktune.trainers.member import FoldRows, Member
from sktune.trainers.scores import Playback, StackScores
from sktune.trainers.stack import Stack
from tests.trainers.laws import FOLDS, X, Y, jobs_of
from tests.user_nets import Perceptron, classifier

SOLO, STACKED = SoloTrainer(), StackedTrainer()
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


class MixesRows(Perceptron):
    """Its answer for a row depends on the rows of the mini-batch, 16 of them here."""

    def forward(self, X):
        return super().forward(X - X.mean(dim=0))


def test_a_network_that_mixes_rows_is_scored_on_its_own_mini_batches():
    jobs = jobs_of(classifier(MixesRows), rung=2)
    for outcome, job in zip(STACKED.advance(jobs), jobs, strict=True):
        trained = answering(thaw(outcome.snapshot).net)
        assert outcome.score == trained.score(job.fold.valid.X, job.fold.valid.y)
        assert outcome.stack_size == len(jobs)


def fails_for_a_large_rate(estimator, X, y):
    if estimator.lr > 0.1:
        raise RuntimeError("no score")
    return estimator.lr


def test_a_score_that_fails_is_that_of_one_network():
    params = [{"lr": 0.01}, {"lr": 0.2}, {"lr": 0.05}]
    jobs = jobs_of(classifier(), params, rung=1)
    setup = replace(jobs[0].setup, scorer=fails_for_a_large_rate)
    found = STACKED.advance([replace(job, setup=setup) for job in jobs])
    assert isinstance(found[1], Failure)
    assert found[1].reason == "RuntimeError: no score"
    assert [found[0].score, found[2].score] == [0.01, 0.05]


def test_nets_are_left_as_they_are_trained():
    with ExitStack() as directories:
        rows = FoldRows()
        members = [Member(job, rows, directories) for job in jobs_of(classifier(), rung=1)]
        stack = Stack(members)
        stack.train(1)
        modules, found = [m.net.module_ for m in stack.members], StackScores(stack)
        scores = [found.of(row)[0] for row in range(3)]
        assert [found.of(row)[0] for row in range(3)] == scores
        assert all(m.net.module_ is one for m, one in zip(stack.members, modules, strict=True))
        for member, score in zip(stack.members, scores, strict=True):
            valid = member.job.fold.valid
            assert score == answering(member.net).score(valid.X, valid.y)


def test_outputs_are_played_in_order_and_then_again():
    outputs = torch.rand(7, 2)
    module = Playback(outputs)
    for sizes in ([3, 3, 1], [7], [4, 3]):
        played = [module(np.zeros((size, 5))) for size in sizes]
        assert torch.equal(torch.cat(played), outputs)
