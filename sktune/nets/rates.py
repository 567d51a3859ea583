"""Learning-rate schedules as plain functions of the step: factors of the learning rate."""

import math
from dataclasses import dataclass

_WARM_UP = 0.3
_START = 1 / 25
_END = _START / 1e4


def _anneal(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2


@dataclass(frozen=True)
class Cosine:
    """From 1 to 0 along half a cosine (Loshchilov and Hutter, *SGDR*, ICLR 2017).

    >>> [round(Cosine(4)(step), 3) for step in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """

    n_steps: int

    def __call__(self, step: int) -> float:
        """Return the factor at a step."""
        return _anneal(1.0, 0.0, min(step / self.n_steps, 1.0))


@dataclass(frozen=True)
class OneCycle:
    """From 1/25 up to 1 in 30 % of the steps, then down to 1/250,000.

    The super-convergence schedule of Smith and Topin, 2018, with the cosine shape and the
    constants of torch's ``OneCycleLR``; the momentum is left as it is.

    >>> [round(OneCycle(11)(step), 3) for step in range(0, 11, 2)]
    [0.04, 0.96, 0.884, 0.531, 0.157, 0.0]
    """

    n_steps: int

    def __call__(self, step: int) -> float:
        """Return the factor at a step."""
        peak = _WARM_UP * self.n_steps - 1
        last = self.n_steps - 1
        if step < peak:
            return _anneal(_START, 1.0, step / peak)
        if last <= peak:
            return 1.0
        return _anneal(1.0, _END, min((step - peak) / (last - peak), 1.0))


SCHEDULES = {"cosine": Cosine, "onecycle": OneCycle}
