"""The folds of a search: whose transformers are fitted, are being fitted, or could not be."""

from collections import Counter
from collections.abc import Collection, Iterable

from sktune.candidates import Failure, History, Run
from sktune.engine.problem import Problem
from sktune.exceptions import LostWorkerError
from sktune.execution import Executor
from sktune.runs import PreparedFold, head_setting
from sktune.trainers import Trainer

FoldKey = tuple[str, int]


class Folds:
    """Prepares the folds that runs train on, each once for all candidates that share it.

    Parameters
    ----------
    problem : Problem
        What is searched on.
    history : History
        Knows the candidates.
    trainer : Trainer
        Prepares a fold.
    executor : Executor
        Runs the jobs.
    max_retries : int
        How often a fold is prepared again whose worker was lost.
    """

    def __init__(
        self,
        problem: Problem,
        history: History,
        trainer: Trainer,
        executor: Executor,
        max_retries: int,
    ) -> None:
        self._problem, self._history = problem, history
        self._trainer, self._executor, self._max_retries = trainer, executor, max_retries
        self._known: dict[FoldKey, PreparedFold | Failure] = {}
        self._preparing: dict[int, FoldKey] = {}
        self._settings: dict[int, str] = {}
        self._n_lost: Counter[FoldKey] = Counter()

    def prepare(self, runs: Iterable[Run]) -> None:
        """Have the transformers fitted that are new."""
        known = {*self._known, *self._preparing.values()}
        new: dict[FoldKey, Run] = {}
        for run in runs:
            if self._key(run) not in known:
                new.setdefault(self._key(run), run)
        for key, run in new.items():
            job = self._problem.fold_job(self._history.candidates[run.candidate_id], run.fold)
            self._preparing[self._executor.submit(self._trainer.prepare, job)] = key

    def is_preparing(self, number: int) -> bool:
        """Whether a job of the executor prepares a fold."""
        return number in self._preparing

    def take(self, number: int, result: PreparedFold | Failure) -> bool:
        """Take what such a job came to; False if it is to be tried again."""
        key = self._preparing.pop(number)
        if isinstance(result, Failure) and isinstance(result.error, LostWorkerError):
            self._n_lost[key] += 1
            if self._n_lost[key] <= self._max_retries:
                return False
        if isinstance(result, PreparedFold):
            result = result.with_arrays(self._executor.share)
        self._known[key] = result
        return True

    def are_ready(self, runs: Iterable[Run]) -> bool:
        """Whether the folds of all these runs are prepared, or could not be."""
        return all(self._key(run) in self._known for run in runs)

    def of(self, run: Run) -> PreparedFold | Failure:
        """Return the fold of a run, or why there is none."""
        return self._known[self._key(run)]

    def prepared(self, run: Run) -> PreparedFold:
        """Return the fold of a run; it is prepared here if it is not known.

        A search that was finished in another process has prepared no folds in this one.
        """
        fold = self._known.get(self._key(run))
        if isinstance(fold, PreparedFold):
            return fold
        candidate = self._history.candidates[run.candidate_id]
        return self._trainer.prepare(self._problem.fold_job(candidate, run.fold))

    def keep_only(self, candidates: Collection[int]) -> None:
        """Drop the folds that no run of these candidates trains on."""
        n_folds = len(self._problem.splits)
        needed = {self._key(Run(c, fold)) for c in candidates for fold in range(n_folds)}
        # A fold that failed once would fail again.
        self._known = {
            key: fold
            for key, fold in self._known.items()
            if key in needed or isinstance(fold, Failure)
        }

    def _key(self, run: Run) -> FoldKey:
        """Return what tells the fold of a run from others: its transformers' setting."""
        number = run.candidate_id
        if number not in self._settings:
            params = self._history.candidates[number].params
            self._settings[number] = head_setting(self._problem.path, params)
        return self._settings[number], run.fold
