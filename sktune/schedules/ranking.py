"""Who is better: the higher score, then the lower cost, then the lower candidate id."""

from collections.abc import Iterable

from sktune.candidates import History, Standing


def ranked(standings: Iterable[Standing]) -> list[Standing]:
    """Return the standings of one rung, best first.

    >>> ranked([Standing(0, 0.9, 10), Standing(1, 0.9, 5), Standing(2, 0.9, 5)])[0].candidate_id
    1
    """
    return sorted(standings, key=lambda s: (-s.score, s.cost, s.candidate_id))


def best(history: History) -> tuple[int, int, int] | None:
    """Return (bracket, rung, candidate id) of the best candidate of the highest rung.

    The highest rung is the one with the most resources that has a finite candidate; None when
    there is none.
    """
    for bracket, rung in sorted(history.rungs(), key=lambda key: (-key[1], key[0])):
        order = ranked(history.standings(bracket, rung))
        if order:
            return bracket, rung, order[0].candidate_id
    return None
