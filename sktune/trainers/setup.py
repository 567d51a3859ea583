"""What all runs of a search share."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt
import torch
from sklearn import config_context, get_config
from sklearn.base import clone

from sktune.candidates import Params
from sktune.trainers.adapt import Codec, adapted
from sktune.trainers.anatomy import final_step


@dataclass(frozen=True)
class Setup:
    """What all runs of a search share; it travels to the workers with each job.

    ``horizon`` is the most epochs a run can have: learning-rate schedules are laid out for it.
    ``rank_by`` names the metric by which candidates are promoted. ``n_threads`` is the number of
    torch threads of a worker, None to leave it alone.
    """

    estimator: Any
    scorer: Callable[..., Any]
    horizon: int
    rank_by: str = "score"
    classes: npt.NDArray[Any] | None = None
    codec: Codec = field(default_factory=Codec)
    return_train_score: bool = False
    n_threads: int | None = None
    config: Mapping[str, Any] = field(default_factory=get_config)

    def whole(self, params: Params) -> Any:
        """Return the unfitted estimator of a candidate."""
        return clone(self.estimator).set_params(**params)

    def net(self, params: Params) -> Any:
        """Return the untrained net of a candidate."""
        net = adapted(final_step(self.whole(params))[1], self.classes)
        return net.set_params(max_epochs=self.horizon)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Give a worker the caller's scikit-learn settings and its share of the cores."""
        threads = torch.get_num_threads()
        with config_context(**self.config):
            torch.set_num_threads(self.n_threads or threads)
            try:
                yield
            finally:
                torch.set_num_threads(threads)
