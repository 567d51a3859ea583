"""What a sampler is: something that proposes settings, given all that is known so far."""

from collections.abc import Sequence
from typing import Protocol

from sktune.candidates import History, Params


class Sampler(Protocol):
    """Proposes hyperparameters."""

    def propose(self, n_candidates: int, history: History) -> Sequence[Params]:
        """Return ``n_candidates`` new settings, fewer only when the space is exhausted.

        Parameters
        ----------
        n_candidates : int
            How many settings are asked for.
        history : History
            Every candidate proposed and every report so far; not to be changed.
        """
