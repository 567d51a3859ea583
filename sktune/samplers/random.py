"""Random search: independent draws, without repetition where the space is finite."""

from collections.abc import Sequence
from itertools import islice

from sktune.candidates import History, Params
from sktune.space import Space


class RandomSampler:
    """Draws settings as :class:`sklearn.model_selection.ParameterSampler` does.

    Parameters
    ----------
    space : Space
        What may be drawn.
    seed : int
        The same seed draws the same settings in the same order, those that
        ``ParameterSampler(..., random_state=seed)`` draws from an infinite space.

    Examples
    --------
    >>> from sktune.candidates import History
    >>> RandomSampler(Space({"depth": [1, 2]}), seed=0).propose(5, History())
    [{'depth': 1}, {'depth': 2}]
    """

    def __init__(self, space: Space, seed: int) -> None:
        self._draws = space.draws(seed)

    def propose(self, n_candidates: int, history: History) -> Sequence[Params]:
        """Return the next draws."""
        return list(islice(self._draws, n_candidates))
