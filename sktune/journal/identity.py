"""What makes a search the same search: what it was given, and the versions that computed it."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple


class Mark(NamedTuple):
    """A thing as it is shown, and a hash that is equal for equal things."""

    shown: str
    hash: str


Marks = Mapping[str, Mark]
Identity = Mapping[str, Marks]
_ABSENT = Mark("absent", "")


def differences(was: Identity, now: Identity) -> Iterator[str]:
    """Yield a line for each thing that differs.

    >>> was = {"estimator": {"lr": Mark("0.1", "a1"), "depth": Mark("2", "f7")}}
    >>> now = {"estimator": {"lr": Mark("0.2", "b8"), "depth": Mark("2", "f7")}}
    >>> list(differences(was, now))
    ['estimator: `lr` was 0.1 and is 0.2']
    """
    for group in {**was, **now}:
        before, after = was.get(group, {}), now.get(group, {})
        for name in {**before, **after}:
            old, new = before.get(name, _ABSENT), after.get(name, _ABSENT)
            if old.hash != new.hash:
                yield f"{group}: `{name}` {_change(old.shown, new.shown)}"


def _change(old: str, new: str) -> str:
    return f"was {old} and is {new}" if old != new else f"looks the same, but is not: {new}"
