"""The files of a run: callbacks that write checkpoints have a directory of the run's own.

Given one directory, the networks of a search would load each other's weights, also those of
another fold's network, which has seen the held-out rows.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from skorch import NeuralNet
from skorch.callbacks import Checkpoint, TrainEndCheckpoint

from sktune.runs.overrides import is_users_callback
from sktune.runs.snapshot import RunState
from sktune.temporary import temporary_folder

_WRITERS = (Checkpoint, TrainEndCheckpoint)
_PATH_NAME = re.compile(r"path|dir|file|folder", re.IGNORECASE)
Settings = dict[str, Any]


@contextmanager
def own_directory(state: RunState, parent: Path | None = None) -> Iterator[None]:
    """Have the checkpoints of a run in a directory of its own for the length of a ``with`` block.

    The files of the run so far are there when the block begins;
    :func:`gathered` puts those that are there into the state. The callbacks have their own
    settings again when the block ends.
    """
    checkpoints = list(_checkpoints(state.net))
    if not checkpoints:
        yield
        return
    state.paths = state.paths or [_settings(checkpoint) for checkpoint in checkpoints]
    # After the search the directory of its workers is gone.
    parent = parent if parent is not None and parent.is_dir() else None
    with temporary_folder(parent) as folder:
        state.directory = str(folder)
        for path, content in state.files.items():
            _made(folder / path).write_bytes(content)
        for checkpoint, settings in zip(checkpoints, state.paths, strict=True):
            vars(checkpoint).update(_moved(settings, folder, _folders(state)))
        try:
            yield
        finally:
            state.directory = ""
            for checkpoint, settings in zip(checkpoints, state.paths, strict=True):
                vars(checkpoint).update(settings)


def gathered(state: RunState) -> RunState:
    """Return the state, with the files that are in its directory now."""
    if state.directory:
        found = (path for path in sorted(Path(state.directory).rglob("*")) if path.is_file())
        state.files = {str(p.relative_to(state.directory)): p.read_bytes() for p in found}
    return state


def delivered(state: RunState) -> None:
    """Write the files of a run where the user wants the checkpoints of the net that is kept."""
    for path, content in state.files.items():
        number, _, inner = path.partition(os.sep)
        _made(Path(_folders(state)[int(number)], inner)).write_bytes(content)


def shared_paths(net: NeuralNet) -> Iterator[str]:
    """Yield a line for each path that a callback of the user's is given, as far as one can tell."""
    for callback in _listed(net.callbacks):
        for name, value in vars(callback).items() if is_users_callback(callback) else ():
            is_path = isinstance(value, str) and (_PATH_NAME.search(name) or os.sep in value)
            if isinstance(value, os.PathLike) or (value and is_path):
                yield (
                    f"The callback {type(callback).__name__} has {name}={os.fspath(value)!r}, "
                    "which all networks of the search share: what one writes there, others read "
                    "or overwrite. Let the callback make a file of its own when training begins."
                )


def _listed(callbacks: Any) -> Iterator[Any]:
    for callback in callbacks if isinstance(callbacks, list | tuple) else ():
        yield callback[1] if isinstance(callback, tuple) else callback


def _checkpoints(net: NeuralNet) -> Iterator[Any]:
    """Yield the checkpoints that are written in training, and those that others read there."""
    given = net.callbacks_ if net.initialized_ else net.callbacks
    known = list(_listed(given))
    written = {c.dirname for c in known if isinstance(c, _WRITERS)}
    inner = [part for callback in known for part in vars(callback).values()]
    for checkpoint in {id(c): c for c in [*known, *inner] if isinstance(c, _WRITERS)}.values():
        # What is only read, such as weights to start from, stays where it is.
        if checkpoint.dirname in written:
            yield checkpoint


def _settings(checkpoint: Any) -> Settings:
    return {n: v for n, v in vars(checkpoint).items() if n == "dirname" or n.startswith("f_")}


def _folders(state: RunState) -> list[str]:
    """Return the directories that the user has given, each once."""
    return list(dict.fromkeys(str(settings["dirname"]) for settings in state.paths))


def _moved(settings: Settings, root: Path, folders: list[str]) -> Settings:
    """Return the settings of a checkpoint that writes into a numbered folder of a directory."""
    folder = root / str(folders.index(str(settings["dirname"])))
    found: Settings = {"dirname": str(folder)}
    for name, value in settings.items():
        if isinstance(value, str) and name != "dirname":
            # An absolute path would lead out of any directory.
            found[name] = value.lstrip(os.sep)
            _made(folder / found[name])
    return found


def _made(path: Path) -> Path:
    """Return a path whose folder exists."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
