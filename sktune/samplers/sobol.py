"""Sobol search: draws that fill the space more evenly than independent ones."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scipy.stats import qmc

from sktune.candidates import History, Params
from sktune.samplers.protocol import unseen
from sktune.space import Dimension, Space

_VAIN_DRAWS = 1000


class SobolSampler:
    """Draws settings along a scrambled Sobol sequence (scipy's ``qmc.Sobol``; Owen, 1998).

    Parameters
    ----------
    space : Space
        What may be drawn: dimensions that know their quantiles.
    seed : int
        Seed of the scrambling.

    Raises
    ------
    InvalidSettingsError
        If of a distribution only draws can be had.

    Examples
    --------
    >>> from scipy.stats import uniform
    >>> from sktune.candidates import History
    >>> sampler = SobolSampler(Space({"dropout": uniform(0, 1)}), seed=0)
    >>> sorted(int(8 * params["dropout"]) for params in sampler.propose(8, History()))
    [0, 1, 2, 3, 4, 5, 6, 7]
    """

    learns = False

    def __init__(self, space: Space, seed: int) -> None:
        self._parts = [sorted(part.items()) for part in space.parts]
        n_axes = max(map(len, self._parts)) + (len(self._parts) > 1)
        self._sequence = qmc.Sobol(max(1, n_axes), scramble=True, seed=seed)
        self._patience = max(_VAIN_DRAWS, 20 * (space.size or 0))

    def propose(self, n_candidates: int, history: History) -> Sequence[Params]:
        """Return the settings at the next points that are not in the history."""
        return unseen(self._settings(), n_candidates, history, self._patience)

    def _settings(self) -> Iterator[Mapping[str, Any]]:
        while True:
            yield self._at(self._sequence.random(1)[0].tolist())

    def _at(self, point: list[float]) -> dict[str, Any]:
        part = self._parts[0]
        if len(self._parts) > 1:
            part = self._parts[int(point.pop() * len(self._parts))]
        pairs: Iterator[tuple[tuple[str, Dimension], float]] = zip(part, point, strict=False)
        return {name: dimension.at(quantile) for (name, dimension), quantile in pairs}
