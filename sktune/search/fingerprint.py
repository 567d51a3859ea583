"""Fingerprints: texts that are equal for equal things, in any process.

A pickle does not serve, since equal things have different pickles; things are taken apart instead,
down to numbers, texts, and the code of functions.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing

from sktune.journal import Mark, shown

_VERSIONED = {"builtins", "sktune", "torch", "skorch", "sklearn", "numpy", "scipy", "optuna"}
_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), range, slice)


def mark(thing: Any) -> Mark:
    """Return how a thing is shown, and its fingerprint.

    >>> mark([1, 2]).shown, mark([1, 2]) == mark([1, 2]), mark([1, 2]) == mark([1.0, 2])
    ('[1, 2]', True, False)
    """
    return Mark(_shown(thing), fingerprint(thing))


def fingerprint(thing: Any) -> str:
    """Return a text that is equal for equal things.

    Parameters
    ----------
    thing : object
        Numbers, texts, arrays, tables, sparse matrices, tensors, functions, classes, estimators,
        and whatever has attributes; containers of these.

    Returns
    -------
    hash : str
        32 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for part in _parts(thing, {}):
        digest.update(part)
    return digest.hexdigest()[:32]


def _shown(thing: Any) -> str:
    if _is_distribution(thing):
        return f"{thing.dist.name}{thing.args}"
    shape = getattr(thing, "shape", None)
    if not isinstance(shape, tuple):
        return shown(thing)
    # Nothing of the user's data is shown.
    kind = getattr(thing, "dtype", type(thing).__name__)
    return f"{' x '.join(map(str, shape)) or 'one'} {kind}"


def _parts(thing: Any, seen: dict[int, int]) -> Iterator[bytes]:
    """Yield the bytes that a thing is made of; ``seen`` are those it is inside of."""
    name = f"{type(thing).__module__}.{type(thing).__qualname__}"
    if isinstance(thing, (*_PLAIN, np.generic)):
        yield f"{name}:{thing!r};".encode()
    elif isinstance(thing, memoryview):
        yield thing.tobytes()
    elif id(thing) in seen:
        yield f"up:{len(seen) - seen[id(thing)]};".encode()
    else:
        yield f"{name}(".encode()
        inside = seen | {id(thing): len(seen)}
        for part in _inner(thing):
            yield from _parts(part, inside)
        yield b")"


def _inner(thing: Any) -> Iterator[Any]:
    """Yield what a thing consists of."""
    if isinstance(thing, np.ndarray):
        yield from _of_array(thing)
    elif isinstance(thing, Mapping):
        # The order of names makes no difference to anything that is searched.
        for key in sorted(thing, key=repr):
            yield from (key, thing[key])
    elif isinstance(thing, set | frozenset):
        yield from sorted(fingerprint(part) for part in thing)
    elif isinstance(thing, list | tuple):
        yield from thing
    elif isinstance(thing, type):
        yield from _of_class(thing)
    elif isinstance(thing, BuiltinFunctionType | ModuleType | os.PathLike):
        yield str(thing)
    elif isinstance(thing, FunctionType):
        yield from _of_function(thing)
    elif isinstance(thing, MethodType):
        yield from (thing.__func__, thing.__self__)
    elif isinstance(thing, CodeType):
        yield from (thing.co_code, thing.co_consts, thing.co_names)
    else:
        yield from _of_object(thing)


def _is_distribution(thing: Any) -> bool:
    """Whether this is a frozen distribution of scipy's."""
    return all(hasattr(thing, name) for name in ("dist", "args", "kwds", "rvs"))


def _of_array(array: Any) -> Iterator[Any]:
    yield from (str(array.dtype), array.shape)
    if array.dtype.hasobject:
        yield repr(array.tolist())
    else:
        yield memoryview(np.ascontiguousarray(array).tobytes())


def _of_class(kind: type) -> Iterator[Any]:
    yield from (kind.__module__, kind.__qualname__)
    # What libraries do, their versions tell.
    if kind.__module__.partition(".")[0] not in _VERSIONED:
        yield kind.__bases__
        yield {n: part for n, part in vars(kind).items() if isinstance(part, FunctionType)}


def _of_function(function: FunctionType) -> Iterator[Any]:
    yield from (function.__qualname__, function.__code__, function.__defaults__)
    yield [cell.cell_contents for cell in function.__closure__ or ()]


def _of_object(thing: Any) -> Iterator[Any]:
    if hasattr(thing, "detach"):
        yield thing.detach().cpu().numpy()
    elif hasattr(thing, "columns") and hasattr(thing, "dtypes"):
        yield [str(name) for name in thing.columns]
        for number in range(len(thing.columns)):
            yield np.asarray(_safe_indexing(thing, number, axis=1))
    elif hasattr(thing, "get_params"):
        yield thing.get_params(deep=False)
    elif _is_distribution(thing):
        yield from (thing.dist.name, thing.args, thing.kwds)
    elif isinstance(thing, np.random.RandomState):
        yield thing.get_state()
    elif hasattr(thing, "__array__"):
        yield np.asarray(thing)
    else:
        yield _state(thing)


def _state(thing: Any) -> Any:
    """Return the attributes of an object, or what it is pickled with."""
    if getattr(thing, "__dict__", None):
        return vars(thing)
    slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    if slots:
        return {name: getattr(thing, name, None) for name in slots}
    return thing.__reduce_ex__(4)[1:]
