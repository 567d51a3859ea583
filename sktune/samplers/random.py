"""Random search: independent draws, none of them twice."""

from collections.abc import Sequence

from sktune.candidates import History, Params
from sktune.samplers.protocol import unseen
from sktune.space import Space

# In a finite space of n settings it takes about n draws to meet the last one.
_VAIN_DRAWS, _VAIN_ROUNDS = 1000, 20


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

    learns = False

    def __init__(self, space: Space, seed: int) -> None:
        self._draws = space.draws(seed)
        self._patience = max(_VAIN_DRAWS, _VAIN_ROUNDS * (space.size or 0))

    def propose(self, n_candidates: int, history: History) -> Sequence[Params]:
        """Return the next draws that are not in the history."""
        return unseen(self._draws, n_candidates, history, self._patience)
