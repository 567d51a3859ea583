"""What all runs of a search share."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy.typing as npt
from sklearn import config_context, get_config
from sklearn.base import clone

from sktune.candidates import Params
from sktune.nets.threads import at_most
from sktune.runs.adapt import adapted
from sktune.runs.devices import own_gpu
from sktune.space import final_step


@dataclass(frozen=True)
class Setup:
    """What all runs of a search share; it travels to the workers with each job.

    ``horizon`` is the most epochs a run can have: learning-rate schedules are laid out for it.
    ``refit`` says by which metric candidates are promoted, see :func:`ranking_metric`;
    ``classes`` are the labels of a classification. ``n_threads`` is the most threads of torch:
    runs train on one, as their results depend on the number, except for stacks whose results do
    not, when ``n_workers``, the jobs at once, is 1. ``worker_folder`` is where workers of one
    machine find out which GPU is theirs.
    """

    estimator: Any
    scorer: Callable[..., Any]
    horizon: int
    refit: Any = True
    classes: npt.NDArray[Any] | None = None
    return_train_score: bool = False
    n_threads: int = 1
    n_workers: int = 1
    worker_folder: Path | None = None
    config: Mapping[str, Any] = field(default_factory=get_config)

    def whole(self, params: Params) -> Any:
        """Return the unfitted estimator of a candidate."""
        # A step given as a value is the caller's own object, and shared by folds.
        values = {name: clone(value, safe=False) for name, value in params.items()}
        return clone(self.estimator).set_params(**values)

    def last(self, params: Params) -> Any:
        """Return the unfitted final step of a candidate."""
        path, net = final_step(self.estimator)
        prefix = f"{path}__" if path else ""
        own = {n.removeprefix(prefix): v for n, v in params.items() if n.startswith(prefix)}
        if any(f"{path}__".startswith(f"{name}__") for name in params):
            # A step on the way to the net is itself a hyperparameter.
            net, own = final_step(self.whole(params))[1], {}
        values = {name: clone(value, safe=False) for name, value in own.items()}
        return clone(net).set_params(**values)

    def net(self, params: Params) -> Any:
        """Return the untrained net of a candidate."""
        return adapted(self.last(params)).set_params(max_epochs=self.horizon)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Give a worker the caller's scikit-learn settings and its share of the cores."""
        with config_context(**self.config), own_gpu(self.worker_folder), at_most(self.n_threads):
            yield
