"""How a storage and a report show what a search was given: nothing of the user's data."""

from typing import Any

from sktune.fingerprint import is_distribution
from sktune.journal import shown


def described(thing: Any) -> str:
    """Return a short text for a thing; of data their shape and type.

    >>> described([1, 2]), described("relu")
    ('[1, 2]', "'relu'")
    """
    if is_distribution(thing):
        return f"{thing.dist.name}{thing.args}"
    shape = getattr(thing, "shape", None)
    if not isinstance(shape, tuple):
        return shown(thing)
    kind = getattr(thing, "dtype", type(thing).__name__)
    return f"{' x '.join(map(str, shape)) or 'one'} {kind}"
