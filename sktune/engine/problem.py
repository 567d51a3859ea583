"""What is searched on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from sktune.candidates import Candidate, Seeds
from sktune.runs import FoldJob, Setup

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Problem:
    """What is searched on: the shared setup, the data, its splits and the source of seeds.

    ``path`` leads to the final net within the estimator; ``whole_pipeline`` says that the scorer
    wants to see more than predictions.
    """

    setup: Setup
    path: str
    X: Any
    y: Any
    splits: Sequence[tuple[Rows, Rows]]
    seeds: Seeds
    n_rows: int
    whole_pipeline: bool = False
    fit_params: Mapping[str, Any] = field(default_factory=dict)
    score_params: Mapping[str, Any] = field(default_factory=dict)

    def fold_job(self, candidate: Candidate, fold: int) -> FoldJob:
        """Return the job that makes a fold ready for a candidate."""
        return FoldJob(
            self.setup,
            candidate.params,
            self.X,
            self.y,
            *self.splits[fold],
            seed=self.seeds.derive("transform", fold),
            fit_params=self.fit_params,
            score_params=self.score_params,
        )

    def refit_job(self, candidate: Candidate) -> FoldJob:
        """Return the job that makes all rows ready to train a candidate on, with none to score."""
        return FoldJob(
            self.setup,
            candidate.params,
            self.X,
            self.y,
            np.arange(self.n_rows),
            None,
            seed=self.seeds.derive("refit"),
            fit_params=self.fit_params,
        )
