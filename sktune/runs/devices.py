"""Several GPUs: each worker process of a machine computes on its own."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import torch


@contextmanager
def own_gpu(folder: Path | None) -> Iterator[None]:
    """Let ``device="cuda"`` mean this process's GPU for the length of a ``with`` block.

    Parameters
    ----------
    folder : Path or None
        Where the processes of a machine take their numbers; None to leave the GPU alone.
    """
    n_gpus = torch.cuda.device_count()
    if folder is None or n_gpus < 2:
        yield
    else:
        with torch.cuda.device(worker_number(folder) % n_gpus):
            yield


@cache
def worker_number(folder: Path) -> int:
    """Return the number of this process among those that ask: 0, 1, 2, ... as they come."""
    for number in itertools.count():
        try:
            (folder / f"worker-{number}").touch(exist_ok=False)
        except FileExistsError:
            continue
        return number
    raise AssertionError("numbers have no end")


def lack_of(device: Any) -> str:
    """Return why this machine cannot train on a device, empty if it can.

    >>> lack_of("cpu"), lack_of("gpu")
    ('', 'torch has no device of this name')
    """
    try:
        wanted = torch.device(device or "cpu")
    except (RuntimeError, TypeError):
        return "torch has no device of this name"
    if wanted.type == "cuda":
        # Nothing is put on a GPU only to see whether it is there.
        n_gpus = torch.cuda.device_count()
        return "" if (wanted.index or 0) < n_gpus else f"torch finds {n_gpus or 'no'} GPU here"
    try:
        torch.empty(0, device=wanted)
    except Exception as error:  # whatever a backend says that is not there
        return " ".join(str(error).split()).partition(". ")[0]
    return ""
