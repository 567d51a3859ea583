"""Who is better: the higher score, then the lower cost, then the lower candidate id."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sktune.candidates import History, RungKey, Standing


class Key(NamedTuple):
    """What standings of one rung are ordered by: the lower, the better."""

    loss: float
    cost: int
    candidate_id: int


def key_of(standing: Standing) -> Key:
    """Return the key of a standing."""
    return Key(-standing.score, standing.cost, standing.candidate_id)


def ranked(standings: Iterable[Standing]) -> list[Standing]:
    """Return the standings of one rung, best first.

    >>> ranked([Standing(0, 0.9, 10), Standing(1, 0.9, 5), Standing(2, 0.9, 5)])[0].candidate_id
    1
    """
    return sorted(standings, key=key_of)


def in_order(history: History) -> Iterator[RungKey]:
    """Yield all standings: the highest level first, and best first within a level.

    Candidates that failed are left out, also at the rungs that they had reached before.
    """
    for level in history.levels():
        entries = [
            (key_of(standing), RungKey(standing.candidate_id, *key))
            for key in level
            for standing in history.standings(*key)
            if not history.has_failed(standing.candidate_id)
        ]
        yield from (place for _, place in sorted(entries))


def best(history: History) -> RungKey | None:
    """Return the best candidate of the highest level that has one, None if all have failed."""
    return next(in_order(history), None)
