"""Grid search: every setting of a finite space, once."""

from collections.abc import Sequence

from sktune.candidates import History, Params
from sktune.samplers.protocol import unseen
from sktune.space import Space


class GridSampler:
    """Goes through the grid in scikit-learn's order.

    Parameters
    ----------
    space : Space
        A finite space.

    Raises
    ------
    InvalidSettingsError
        If a dimension is a distribution.

    Examples
    --------
    >>> from sktune.candidates import History
    >>> GridSampler(Space({"depth": [1, 2, 3]})).propose(3, History())
    [{'depth': 1}, {'depth': 2}, {'depth': 3}]
    """

    learns = False

    def __init__(self, space: Space) -> None:
        self._grid = space.grid()

    def propose(self, n_candidates: int, history: History) -> Sequence[Params]:
        """Return the settings that follow those already proposed."""
        return unseen(iter(self._grid), n_candidates, history, len(self._grid))
