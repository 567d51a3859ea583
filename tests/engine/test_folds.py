"""Folds are prepared once for all candidates that share them."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.metrics import check_scoring
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktune import MLPClassifier
from sktune.candidates import Candidate, Failure, History, Run, Seeds
from sktune.engine.folds import Folds
from sktune.engine.problem import Problem
from sktune.exceptions import LostWorkerError
from sktune.execution import Executor
from sktune.runs import PreparedFold, Setup
from sktune.trainers import StackedTrainer

X, Y = load_iris(return_X_y=True)
PIPE = make_pipeline(StandardScaler(), MLPClassifier())
SPLITS = [
    (np.arange(0, 150, 2), np.arange(1, 150, 2)),
    (np.arange(1, 150, 2), np.arange(0, 150, 2)),
]
PARAMS = [
    {"mlpclassifier__lr": 0.1},
    {"mlpclassifier__lr": 0.2},
    {"standardscaler__with_std": False},
]


@pytest.fixture
def executor():
    with Executor(1) as executor:
        yield executor


def folds_for(executor, max_retries=1):
    setup = Setup(PIPE, check_scoring(PIPE), horizon=2, classes=np.unique(Y))
    problem = Problem(setup, "mlpclassifier", X, Y, SPLITS, Seeds(0), len(X))
    history = History()
    history.candidates.extend(Candidate(n, params) for n, params in enumerate(PARAMS))
    return Folds(problem, history, StackedTrainer(), executor, max_retries)


def finish(folds, executor):
    n_jobs = 0
    while executor.n_running:
        number, result = executor.next()
        assert folds.is_preparing(number)
        assert folds.take(number, result)
        n_jobs += 1
    return n_jobs


RUNS = [Run(candidate, fold) for candidate in range(3) for fold in range(2)]


def test_each_setting_of_the_transformers_is_fitted_once(executor):
    folds = folds_for(executor)
    assert not folds.are_ready(RUNS[:1])
    folds.prepare(RUNS)
    folds.prepare(RUNS)
    assert finish(folds, executor) == 4
    assert folds.are_ready(RUNS)
    assert folds.of(Run(0, 1)) is folds.of(Run(1, 1))
    assert folds.of(Run(0, 1)) is not folds.of(Run(2, 1))
    folds.prepare(RUNS)
    assert not executor.n_running


def test_a_lost_worker_is_forgiven_some_times(executor):
    folds, lost = folds_for(executor), Failure.of(LostWorkerError("it died", n_suspects=1), 0.0)
    for is_taken in (False, True):
        folds.prepare(RUNS[:1])
        number, _ = executor.next()
        assert folds.take(number, lost) is is_taken
    assert folds.of(RUNS[0]) is lost


def test_folds_go_with_their_candidates_and_failures_stay(executor):
    folds = folds_for(executor)
    folds.prepare(RUNS[4:])
    number, _ = executor.next()
    failed = Failure.of(ValueError("no"), 0.0)
    assert folds.take(number, failed)
    folds.prepare(RUNS[:4])
    finish(folds, executor)
    folds.keep_only({0})
    assert folds.are_ready(RUNS[:2])
    kept = [run for run in RUNS[4:] if folds.are_ready([run])]
    assert [folds.of(run) for run in kept] == [failed]
    assert isinstance(folds.prepared(RUNS[5]), PreparedFold)
