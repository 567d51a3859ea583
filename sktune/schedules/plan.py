"""The plan: what a schedule will train, told before anything is trained."""

from collections.abc import Iterable, Mapping, Sequence
from typing import overload

Row = Mapping[str, int]
_PER_FOLD = "epochs per fold"
_IN_ALL = "epochs over all folds"


class Plan(Sequence[Row]):
    """The rungs of a search, one row each; its ``repr`` is a table.

    Parameters
    ----------
    rows : iterable of mapping
        ``bracket``, ``rung``, ``n_candidates``, ``n_resources`` and ``epochs``: what is trained
        at that rung on each fold. Rungs with a number of folds of their own have ``n_folds``
        too, and ``epochs`` is then the sum over them.

    Examples
    --------
    >>> plan = Plan.of(counts=[9, 3, 1], rungs=[1, 3, 9])
    >>> plan
    bracket  rung  n_candidates  n_resources  epochs
          0     0             9            1       9
          0     1             3            3       6
          0     2             1            9       6
    21 epochs per fold
    >>> plan[1]["n_resources"], plan.epochs
    (3, 21)
    """

    def __init__(self, rows: Iterable[Row], unit: str = _PER_FOLD) -> None:
        self._rows, self._unit = list(rows), unit

    @classmethod
    def of(cls, counts: Sequence[int], rungs: Sequence[int], bracket: int = 0) -> "Plan":
        """Lay out a bracket whose rungs all have the same folds.

        Parameters
        ----------
        counts : sequence of int
            Candidates at each rung.
        rungs : sequence of int
            Resource of each rung: the number of epochs each of its candidates has then had.
        bracket : int, default=0
            Number of the bracket.
        """
        steps = [r - before for r, before in zip(rungs, [0, *rungs[:-1]], strict=True)]
        return cls(
            _row(bracket, rung, n, r, n * step)
            for rung, (n, r, step) in enumerate(zip(counts, rungs, steps, strict=True))
        )

    @classmethod
    def growing(
        cls, counts: Sequence[int], rungs: Sequence[int], folds: Sequence[int], bracket: int = 0
    ) -> "Plan":
        """Lay out a bracket whose rungs have more and more folds, on which survivors catch up."""
        trained = [r * k for r, k in zip(rungs, folds, strict=True)]
        steps = [r - before for r, before in zip(trained, [0, *trained[:-1]], strict=True)]
        return cls(
            (
                {**_row(bracket, rung, n, r, n * step), "n_folds": k}
                for rung, (n, r, k, step) in enumerate(
                    zip(counts, rungs, folds, steps, strict=True)
                )
            ),
            _IN_ALL,
        )

    @classmethod
    def joined(cls, plans: Iterable["Plan"]) -> "Plan":
        """Return the rows of several plans as one."""
        plans = list(plans)
        return cls((row for plan in plans for row in plan), plans[0]._unit)

    @classmethod
    def endless(cls, rungs: Sequence[int]) -> "Plan":
        """Lay out rungs to which any number of candidates may come."""
        rows = ({"bracket": 0, "rung": i, "n_resources": r} for i, r in enumerate(rungs))
        return cls(rows, "as many candidates as there is time for")

    def in_units_of(self, resource: str) -> "Plan":
        """Return the same rungs for training that begins anew at each of them."""
        rows = ({k: row[k] for k in row if k != "epochs"} for row in self)
        total = sum(row["n_resources"] * row.get("n_candidates", 0) for row in self)
        return Plan(rows, f"{total} {resource} per fold" if total else self._unit)

    @property
    def epochs(self) -> int:
        """What is trained in all: the sum of the column of that name, 0 without one."""
        return sum(row.get("epochs", 0) for row in self)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        return self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        columns = list(self[0])
        lines = ["  ".join(columns)]
        lines += ["  ".join(f"{row[name]:>{len(name)}}" for name in columns) for row in self]
        return "\n".join([*lines, f"{self.epochs or ''} {self._unit}".strip()])


def _row(bracket: int, rung: int, n_candidates: int, n_resources: int, epochs: int) -> Row:
    return {
        "bracket": bracket,
        "rung": rung,
        "n_candidates": n_candidates,
        "n_resources": n_resources,
        "epochs": epochs,
    }
