"""The best candidate made ready to predict: refitted on all rows, or its folds averaged."""

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.utils.validation import _num_samples

from sktune.candidates import Candidate, Run
from sktune.engine import Engine
from sktune.exceptions import InvalidSettingsError
from sktune.runs import AdvanceJob, FoldJob, PreparedFold, threads_of_refit
from sktune.search.ensemble import fold_ensemble


class Winner:
    """A candidate of a search that has ended.

    Both methods return an estimator that answers in the user's terms.
    """

    def __init__(self, engine: Engine, candidate: Candidate) -> None:
        self._engine = engine
        self._problem = engine.problem
        self._setup = engine.problem.setup
        self._candidate = candidate

    def refitted(self, n_resources: int) -> Any:
        """Train the candidate from the start on all rows, as far as it went in the search."""
        problem, setup, params = self._problem, self._setup, self._candidate.params
        seed = problem.seeds.derive("refit")
        rows = np.arange(_num_samples(problem.X))
        job = FoldJob(
            setup, params, problem.X, problem.y, rows, None, seed, fit_params=problem.fit_params
        )
        fold = self._engine.trainer.prepare(job)
        trainer, record = self._engine.trainer, self._engine.record
        snapshot = record.refit_of(self._candidate.candidate_id, n_resources)
        if snapshot is None:
            # The refit has all cores to itself, as far as it has use for them.
            alone = replace(setup, n_threads=threads_of_refit(setup, params, fold))
            snapshot = trainer.refit(AdvanceJob(alone, params, fold, n_resources, seed)).snapshot
            if not trainer.keeps_rows:
                record.refitted(self._candidate.candidate_id, n_resources, snapshot)
        return self._whole(fold, snapshot)

    def ensemble(self, n_resources: int) -> Any:
        """Average the candidate's networks, one per fold, which are already trained."""
        runs = [Run(self._candidate.candidate_id, f) for f in range(len(self._problem.splits))]
        kept = self._engine.snapshots
        if not all(run in kept and kept[run].n_resources == n_resources for run in runs):
            raise InvalidSettingsError(
                "`ensemble`=True averages fold networks, which are kept as far as each candidate "
                "was trained: let the `refit` callable return a candidate's last row, of those "
                "that reached the last rung, or set ensemble=False."
            )
        return fold_ensemble([self._whole(self._fold(run), kept[run].snapshot) for run in runs])

    def _fold(self, run: Run) -> PreparedFold:
        engine = self._engine
        fold = engine.folds.get(engine.fold_key(run))
        # A search that was finished in another process has prepared no folds in this one.
        if not isinstance(fold, PreparedFold):
            fold = engine.trainer.prepare(self._problem.fold_job(self._candidate, run.fold))
        return fold

    def _whole(self, fold: PreparedFold, snapshot: bytes) -> Any:
        return self._engine.trainer.whole(self._setup, self._candidate.params, fold, snapshot)
