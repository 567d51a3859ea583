"""The trainers of networks, which all obey the same laws."""

import numpy as np
import pytest
from sklearn.metrics import check_scoring
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktune import MLPClassifier
from sktune.nets.randomness import Randomness
from sktune.runs import AdvanceJob, FoldJob, Setup
from sktune.trainers import SoloTrainer, StackedTrainer
from tests.trainers.laws import TrainerLaws, X, Y, jobs_of
from tests.user_nets import classifier, same_bits

BOTH = pytest.mark.parametrize("trainer", [SoloTrainer(), StackedTrainer()])


class TestSolo(TrainerLaws):
    trainer = SoloTrainer()


class TestStacked(TrainerLaws):
    trainer = StackedTrainer()


def test_the_solo_trainer_plans_each_run_alone_and_says_why():
    jobs = jobs_of(classifier(), rung=2)
    assert [stack.numbers for stack in SoloTrainer().plan(jobs)] == [[0], [1], [2]]
    reasons = [(o.stack_size, o.solo_reason) for o in SoloTrainer().advance(jobs)]
    assert reasons == [(1, "`stacking`=False")] * 3


@BOTH
def test_every_run_is_planned_once(trainer):
    params = [{"module__width": width} for width in (4, 8, 4, 16, 8)]
    planned = trainer.plan(jobs_of(classifier(), params))
    assert sorted(number for stack in planned for number in stack.numbers) == list(range(5))
    costs = [stack.cost for stack in planned]
    assert costs == sorted(costs, reverse=True)


@BOTH
def test_the_whole_estimator_is_that_of_scikit_learn_and_skorch(trainer):
    settings = {"width": 8, "batch_size": 16, "dropout": 0.2}
    pipe = make_pipeline(StandardScaler(), MLPClassifier(**settings))
    setup = Setup(pipe, check_scoring(pipe), horizon=3, classes=np.unique(Y))
    params, rows = {"mlpclassifier__lr": 0.02}, np.arange(0, len(X), 2)
    fold = trainer.prepare(FoldJob(setup, params, X, Y, rows, None, seed=1))
    outcome = trainer.refit(AdvanceJob(setup, params, fold, 3, seed=2))
    found = trainer.whole(setup, params, fold, outcome.snapshot)
    with Randomness(2).turn():
        net = MLPClassifier(**settings, lr=0.02, max_epochs=3)
        net.fit(StandardScaler().fit_transform(X[rows]), Y[rows])
    assert same_bits(found[-1], net)
    expected = net.predict_proba(StandardScaler().fit(X[rows]).transform(X))
    assert np.array_equal(found.predict_proba(X), expected)
    assert [name for name, _ in found.steps] == [name for name, _ in pipe.steps]
    assert np.isnan(outcome.score)  # there are no rows to score
