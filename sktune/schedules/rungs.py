"""Rung arithmetic of successive halving, in integers.

Float logarithms lose a rung at exact powers (``log(243, 3)`` is 4.99...), so there are none.
"""


def rung_resources(
    n_candidates: int, factor: int, min_resources: int, max_resources: int
) -> tuple[int, ...]:
    """Return the resource of each rung, lowest first.

    The rungs are ``max_resources // factor**k`` for k = 0, 1, ... as long as that is at least
    ``min_resources`` and there are candidates enough to be cut k times; so the last rung is
    ``max_resources`` itself, and the first is r of Li et al., *Hyperband*, JMLR 2018, rounded
    down.

    >>> rung_resources(81, 3, 1, 81)
    (1, 3, 9, 27, 81)
    >>> rung_resources(27, 3, 1, 100)
    (3, 11, 33, 100)
    """
    levels = rung_levels(factor, min_resources, max_resources)
    return levels[-1 - n_cuts(n_candidates, factor) :]


def rung_levels(factor: int, min_resources: int, max_resources: int) -> tuple[int, ...]:
    """Return the resources of all rungs that there can be, lowest first.

    >>> rung_levels(3, 1, 100)
    (1, 3, 11, 33, 100)
    """
    cuts = n_cuts(max_resources, factor, min_resources)
    return tuple(max_resources // factor**cut for cut in reversed(range(cuts + 1)))


def n_cuts(number: int, factor: int, least: int = 1) -> int:
    """Return how often a number can be divided by ``factor`` and still be at least ``least``.

    >>> n_cuts(243, 3), n_cuts(242, 3), n_cuts(100, 3, least=20)
    (5, 4, 1)
    """
    cuts = 0
    while number // factor ** (cuts + 1) >= least:
        cuts += 1
    return cuts


def rung_counts(n_candidates: int, factor: int, n_rungs: int) -> tuple[int, ...]:
    """Return how many candidates each rung starts with: the best 1/factor, rounded up, go on.

    >>> rung_counts(100, 3, 5)
    (100, 34, 12, 4, 2)
    """
    counts = [n_candidates]
    while len(counts) < n_rungs:
        counts.append(divided(counts[-1], factor))
    return tuple(counts)


def aggressive_counts(n_candidates: int, factor: int, n_rungs: int) -> tuple[int, ...]:
    """Return the counts that leave at most ``factor`` candidates for the last rung.

    All the extra cutting is done after the first rung, where training is cheapest.

    >>> aggressive_counts(100, 3, 3)
    (100, 4, 2)
    """
    needed, left = 1, n_candidates
    while left > factor:
        left = divided(left, factor)
        needed += 1
    if n_rungs == 1 or needed <= n_rungs:
        return rung_counts(n_candidates, factor, n_rungs)
    second = divided(n_candidates, factor ** (needed - n_rungs + 1))
    return (n_candidates, *rung_counts(second, factor, n_rungs - 1))


def floor_counts(n_candidates: int, factor: int, n_rungs: int) -> tuple[int, ...]:
    """Return how many candidates each rung starts with: n / factor**i, rounded down, at least 1.

    >>> floor_counts(34, 3, 4)
    (34, 11, 3, 1)
    """
    return tuple(max(1, n_candidates // factor**rung) for rung in range(n_rungs))


def all_folds(n_folds: int, n_rungs: int) -> tuple[int, ...]:
    """Return the folds of each rung: all of them."""
    return (n_folds,) * n_rungs


def growing_folds(n_folds: int, n_rungs: int) -> tuple[int, ...]:
    """Return the folds of each rung: ever more, and all of them at the last.

    Low rungs tell good from bad well enough by a few folds (Bergman, Purucker and Hutter, *Don't
    waste your time: early stopping cross-validation*, AutoML 2024).

    >>> growing_folds(5, 4), growing_folds(3, 5)
    ((2, 3, 4, 5), (1, 2, 2, 3, 3))
    """
    return tuple(divided(n_folds * (rung + 1), n_rungs) for rung in range(n_rungs))


def divided(number: int, by: int) -> int:
    """Return ``number / by``, rounded up."""
    return -(-number // by)
