"""The first line of a journal: its format, whose search it is, and what readers want to know."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from sktune.exceptions import StorageError
from sktune.journal.identity import Identity, Mark, differences

_FORMAT = 1


@dataclass(frozen=True)
class Header:
    """What is known of a search before it begins.

    Attributes
    ----------
    identity : Identity
        What it was given.
    seed : int
        The root of its random draws.
    resource : str
        Name of the resource.
    n_folds : int
        Folds of the cross-validation.
    plan : sequence of mappings
        The rungs.
    """

    identity: Identity
    seed: int
    resource: str
    n_folds: int
    plan: Sequence[Mapping[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """Return the first line."""
        return {"event": "Search", "format": _FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, line: Mapping[str, Any], path: Path) -> Self:
        """Return what a first line says.

        Raises
        ------
        StorageError
            If it is of another format.
        """
        if line.get("event") != "Search" or line.get("format") != _FORMAT:
            raise StorageError(
                f"{path} has the format {line.get('format')!r}, and this version of sktune reads "
                f"format {_FORMAT}: use the version that wrote it, or choose another `storage`."
            )
        given = {name: value for name, value in line.items() if name not in ("event", "format")}
        groups = given.pop("identity").items()
        return cls({g: {n: Mark(*m) for n, m in marks.items()} for g, marks in groups}, **given)

    def check(self, now: "Header", path: Path) -> None:
        """Refuse to go on with a search that is not this one.

        Raises
        ------
        StorageError
            If anything differs; the message names it all.
        """
        found = list(differences(self.identity, now.identity))
        if found:
            raise StorageError(
                "\n".join([f"{path} belongs to another search:", *found])
                + "\nGo on with what it was begun with, choose another `storage`, or remove the "
                "directory to begin anew."
            )
