"""What the networks of a stack put out in evaluation, each for rows of its own."""

from collections.abc import Sequence

import torch

from sktune.nets.sparse import AnyRows, parts_of
from sktune.stacking.programs import Programs

# What is computed at once for all networks: rows, and numbers in them.
_ROWS_AT_ONCE = 1 << 14
_NUMBERS_AT_ONCE = 1 << 24


def outputs(programs: Programs, X: Sequence[AnyRows]) -> list[torch.Tensor]:
    """Return the outputs of each network."""
    found: list[torch.Tensor] = []
    while len(found) < len(X):
        first = len(found)
        last = first + 1
        while last < len(X) and len(X[last]) == len(X[first]):
            last += 1
        found.extend(_outputs(programs, slice(first, last), X[first:last]))
    return found


def answers_row_by_row(programs: Programs, X: AnyRows) -> bool:
    """Whether outputs for a row are the same whatever other rows are in its mini-batch."""
    first = slice(0, 1)
    try:
        four, two = (_outputs(programs, first, [X[:n_rows]])[0] for n_rows in (4, 2))
    except Exception:  # whatever a module says of mini-batches that it does not take
        return False
    return torch.allclose(four[: len(two)], two, rtol=1e-3, atol=1e-5, equal_nan=True)


def _outputs(programs: Programs, networks: slice, X: Sequence[AnyRows]) -> torch.Tensor:
    program, n_networks = programs.of(networks), len(X)
    found: torch.Tensor | None = None
    for rows in parts_of(X[0], _ROWS_AT_ONCE // n_networks, _NUMBERS_AT_ONCE // n_networks):
        part = program.outputs(_stacked(X, rows).to(programs.device)).cpu()
        if found is None:
            found = part.new_empty((n_networks, len(X[0]), *part.shape[2:]))
        found[:, rows] = part
    assert found is not None, "no rows to predict"
    return found


def _stacked(X: Sequence[AnyRows], rows: slice) -> torch.Tensor:
    """Return some rows of each network; the networks of a fold have theirs in common."""
    parts = {key: torch.from_numpy(own[rows]) for key, own in {id(own): own for own in X}.items()}
    return torch.stack([parts[id(own)] for own in X])
