"""The jobs of a problem: each with the rows, the parameters and the seed that are its own."""

import numpy as np
from sklearn.metrics import check_scoring

from sktune import MLPClassifier
from sktune.candidates import Candidate, Seeds
from sktune.engine.problem import Problem
from sktune.runs import Setup

X, Y = np.arange(24.0).reshape(12, 2), np.arange(12) % 2
SPLITS = [(np.flatnonzero(np.arange(12) % 3 != k), np.arange(k, 12, 3)) for k in range(3)]
CANDIDATES = [Candidate(0, {"lr": 0.1}), Candidate(1, {"lr": 0.2})]


def problem(seed=0):
    net = MLPClassifier()
    setup = Setup(net, check_scoring(net), horizon=1)
    given = {"fit_params": {"sample_weight": Y}, "score_params": {"groups": Y}}
    return Problem(setup, "", X, Y, SPLITS, Seeds(seed), len(X), **given)


def test_a_fold_has_its_rows_and_what_fit_and_scorers_are_given():
    for fold, (train, valid) in enumerate(SPLITS):
        job = problem().fold_job(CANDIDATES[1], fold)
        assert job.params == {"lr": 0.2}
        assert np.array_equal(job.train, train)
        assert np.array_equal(job.valid, valid)
        assert job.X is X
        assert list(job.fit_params) == ["sample_weight"]
        assert list(job.score_params) == ["groups"]


def test_the_refit_has_all_rows_and_none_to_score():
    job = problem().refit_job(CANDIDATES[0])
    assert job.valid is None
    assert np.array_equal(job.train, np.arange(12))
    assert list(job.fit_params) == ["sample_weight"]
    assert not job.score_params


def test_candidates_of_a_fold_share_its_seed_and_no_others_do():
    def seeds(problem):
        folds = [[problem.fold_job(c, fold).seed for c in CANDIDATES] for fold in range(3)]
        assert all(len(set(own)) == 1 for own in folds)
        return [own[0] for own in folds] + [problem.refit_job(CANDIDATES[0]).seed]

    first, again, other = seeds(problem()), seeds(problem()), seeds(problem(1))
    assert first == again
    assert len({*first, *other}) == 8
