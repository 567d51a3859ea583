"""What a search was given, as a storage keeps it: how each thing is shown, and its fingerprint."""

from typing import Any

from sktune.fingerprint import fingerprint, is_distribution
from sktune.journal import Mark, shown


def mark(thing: Any) -> Mark:
    """Return how a thing is shown, and its fingerprint.

    >>> mark([1, 2]).shown, mark([1, 2]) == mark([1, 2]), mark([1, 2]) == mark([1.0, 2])
    ('[1, 2]', True, False)
    """
    return Mark(_shown(thing), fingerprint(thing))


def _shown(thing: Any) -> str:
    if is_distribution(thing):
        return f"{thing.dist.name}{thing.args}"
    shape = getattr(thing, "shape", None)
    if not isinstance(shape, tuple):
        return shown(thing)
    # Nothing of the user's data is shown.
    kind = getattr(thing, "dtype", type(thing).__name__)
    return f"{' x '.join(map(str, shape)) or 'one'} {kind}"
