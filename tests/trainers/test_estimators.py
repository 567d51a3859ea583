"""Estimators other than networks, against scikit-learn's own methods."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import check_scoring
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sktune.candidates import Failure
from sktune.nets.randomness import Randomness
from sktune.runs import AdvanceJob, FoldJob, Setup
from sktune.trainers import PassTrainer, RefitTrainer, SampleTrainer
from sktune.trainers.estimators import nested_order

X, Y = load_iris(return_X_y=True)
TRAIN, VALID = np.arange(150) % 3 > 0, np.arange(150) % 3 == 0
SGD = make_pipeline(StandardScaler(), SGDClassifier())  # draws from NumPy's generator
FOREST = make_pipeline(StandardScaler(), RandomForestClassifier())


def job_of(trainer, estimator, n_resources, params=None, valid=VALID, **settings):
    setup = Setup(estimator, check_scoring(estimator), horizon=9, classes=np.unique(Y))
    setup = replace(setup, return_train_score=True)
    rows = None if valid is None else np.flatnonzero(valid)
    fold_job = FoldJob(setup, params or {}, X, Y, np.flatnonzero(TRAIN), rows, 1, **settings)
    return AdvanceJob(setup, params or {}, trainer.prepare(fold_job), n_resources, seed=2)


def passed(n_passes, **settings):
    """Return what scikit-learn's ``partial_fit`` makes of the training rows."""
    scaler, estimator = StandardScaler().fit(X[TRAIN]), SGDClassifier(**settings)
    with Randomness(2).turn():
        for _ in range(n_passes):
            estimator.partial_fit(scaler.transform(X[TRAIN]), Y[TRAIN], classes=np.unique(Y))
    return make_pipeline(scaler, estimator)


@pytest.mark.parametrize("rungs", [[9], [1, 3, 9], [2, 9]])
def test_passes_go_on_from_rung_to_rung(rungs):
    trainer, snapshot = PassTrainer(), None
    for rung in rungs:
        job = job_of(trainer, SGD, rung, {"sgdclassifier__alpha": 0.01})
        outcome = trainer.refit(replace(job, snapshot=snapshot))
        snapshot, expected = outcome.snapshot, passed(rung, alpha=0.01)
        assert outcome.scores == {"score": expected.score(X[VALID], Y[VALID])}
        assert outcome.train_scores == {"score": expected.score(X[TRAIN], Y[TRAIN])}
    found = trainer.whole(job.setup, job.params, job.fold, snapshot)
    assert np.array_equal(found[-1].coef_, expected[-1].coef_)
    assert np.array_equal(found.decision_function(X), expected.decision_function(X))


def test_a_resource_that_is_a_parameter_is_set_at_each_rung():
    trainer = RefitTrainer("randomforestclassifier__n_estimators")
    params = {"randomforestclassifier__max_depth": 2}
    for n_trees in (3, 7):
        outcome = trainer.refit(job_of(trainer, FOREST, n_trees, params))
        oracle = make_pipeline(StandardScaler(), RandomForestClassifier(n_trees, max_depth=2))
        with Randomness(2).turn():
            oracle.fit(X[TRAIN], Y[TRAIN])
        assert outcome.scores == {"score": oracle.score(X[VALID], Y[VALID])}
        assert outcome.train_scores == {"score": oracle.score(X[TRAIN], Y[TRAIN])}
    job = job_of(trainer, FOREST, 7, params, valid=None)
    found = trainer.whole(job.setup, params, job.fold, trainer.refit(job).snapshot)
    assert np.array_equal(found.predict_proba(X), oracle.predict_proba(X))


class Seen(BaseEstimator):
    """Keeps what it is fitted on."""

    rows, fitted = [], {}

    def fit(self, X, y, sample_weight=None):
        type(self).rows.append(X.tolist())
        type(self).fitted = {"y": y, "sample_weight": sample_weight}
        return self

    def score(self, X, y):
        return float(len(X))


def test_rungs_of_rows_are_nested_and_all_of_the_rest_is_scored():
    trainer, weight, Seen.rows = SampleTrainer(n_samples=150), np.arange(150.0), []
    for n_resources in (30, 75, 150):
        job = job_of(trainer, Seen(), n_resources, fit_params={"sample_weight": weight})
        assert trainer.refit(job).score == VALID.sum()
        counts = np.bincount(Seen.fitted["y"])
        assert counts.sum() == len(Seen.rows[-1]) == n_resources * 100 // 150
        assert max(counts) - min(counts) <= 1
        # weights and labels are those of the rows
        own = Seen.fitted["sample_weight"].astype(int)
        assert X[own].tolist() == Seen.rows[-1]
        assert np.array_equal(Y[own], Seen.fitted["y"])
    few, some, everything = Seen.rows
    assert few == some[: len(few)]
    assert some == everything[: len(some)]
    assert sorted(everything) == sorted(X[TRAIN].tolist())


def test_the_refit_is_given_all_rows():
    trainer, Seen.rows = SampleTrainer(n_samples=150), []
    trainer.refit(job_of(trainer, Seen(), 30, valid=None))
    assert sorted(Seen.rows[0]) == sorted(X[TRAIN].tolist())


@pytest.mark.parametrize("trainer", [PassTrainer(), RefitTrainer("max_iter"), SampleTrainer()])
def test_a_run_that_fails_is_a_value_among_the_others(trainer):
    trainer = replace(trainer, n_samples=150) if isinstance(trainer, SampleTrainer) else trainer
    estimator = SGDClassifier(random_state=0) if isinstance(trainer, PassTrainer) else SVC()
    broken = {"alpha": -1.0} if isinstance(trainer, PassTrainer) else {"C": -1.0}
    jobs = [job_of(trainer, estimator, 150, params) for params in ({}, broken, {})]
    assert [stack.numbers for stack in trainer.plan(jobs)] == [[0], [1], [2]]
    found = trainer.advance(jobs)
    assert isinstance(found[1], Failure)
    assert found[1].reason.startswith("InvalidParameterError")
    assert found[0].scores == found[2].scores


@given(st.lists(st.integers(1, 25), min_size=1, max_size=4), st.integers(0, 9))
def test_every_beginning_of_the_order_has_the_classes_in_proportion(counts, seed):
    y = np.repeat(np.arange(len(counts)), counts)
    order = nested_order(y, len(y), seed)
    assert sorted(order) == list(range(len(y)))
    for label, count in enumerate(counts):
        share = count / len(y)
        # Each class is within half a row of its part, and the beginnings are whole rows.
        bound = 0.5 + share * len(counts) / 2 + 1e-9
        found = np.cumsum(y[order] == label)
        assert np.abs(found - share * np.arange(1, len(y) + 1)).max() <= bound


def test_numbers_are_in_random_order():
    y = np.linspace(0, 1, 40)
    orders = [nested_order(y, 40, seed).tolist() for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[2]) == list(range(40))
    assert nested_order(None, 40, 0).tolist() == orders[0]
