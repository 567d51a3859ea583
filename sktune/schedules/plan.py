"""The plan: what a schedule will train, told before anything is trained."""

from collections.abc import Mapping, Sequence
from typing import overload

COLUMNS = ("bracket", "rung", "n_candidates", "n_resources", "epochs")
Row = Mapping[str, int]


class Plan(Sequence[Row]):
    """The rungs of a search, one row each; its ``repr`` is a table.

    Parameters
    ----------
    counts : sequence of int
        Candidates at each rung.
    rungs : sequence of int
        Resource of each rung: the number of epochs each of its candidates has then had.
    bracket : int, default=0
        Number of the bracket.

    Examples
    --------
    >>> plan = Plan(counts=[9, 3, 1], rungs=[1, 3, 9])
    >>> plan
    bracket  rung  n_candidates  n_resources  epochs
          0     0             9            1       9
          0     1             3            3       6
          0     2             1            9       6
    21 epochs per fold
    >>> plan[1]["n_resources"], plan.epochs
    (3, 21)
    """

    def __init__(self, counts: Sequence[int], rungs: Sequence[int], bracket: int = 0) -> None:
        trained = [0, *rungs[:-1]]
        self._rows = [
            dict(zip(COLUMNS, (bracket, i, n, r, n * (r - before)), strict=True))
            for i, (n, r, before) in enumerate(zip(counts, rungs, trained, strict=True))
        ]

    @property
    def epochs(self) -> int:
        """Epochs trained on each fold, over all rungs: no epoch is trained twice."""
        return sum(row["epochs"] for row in self)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        return self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        lines = ["  ".join(COLUMNS)]
        lines += ["  ".join(f"{row[name]:>{len(name)}}" for name in COLUMNS) for row in self]
        return "\n".join([*lines, f"{self.epochs} epochs per fold"])
