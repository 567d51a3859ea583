"""Fingerprints: texts that are equal for equal things, in any process.

A pickle does not serve, since equal things have different pickles; things are taken apart instead,
down to numbers, texts, and the code of functions. A name stands for a function or a class only if
looking the name up gives that very object: functions that are made in a loop share theirs.
"""

import copyreg
import hashlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import partial, reduce
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    MethodType,
    MethodWrapperType,
    ModuleType,
)
from typing import Any, NamedTuple

import numpy as np

_LIBRARIES = {"sktune", "torch", "skorch", "sklearn", "numpy", "scipy", "optuna"}
# What Python's own functions refer to, such as copyreg's table, depends on what was imported.
_VERSIONED = _LIBRARIES | sys.stdlib_module_names
_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), range, slice)
# What is equal to its copies, wherever these are.
_VALUES = (Mapping, set, frozenset, list, tuple, MethodType, BuiltinFunctionType, CodeType)
# What Python and abc keep in a class for themselves.
_OF_PYTHON = {
    *("__dict__", "__weakref__", "__module__", "__qualname__", "__doc__", "_abc_impl"),
    *("__firstlineno__", "__static_attributes__", "__abstractmethods__", "__annotate_func__"),
    *("__annotations_cache__", "__slots__"),
}


class Met(NamedTuple):
    """A thing that was taken apart before; held, so that no other is given its id."""

    number: int
    thing: Any


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

    Examples
    --------
    >>> times = [lambda x, factor=factor: factor * x for factor in (1, 2, 1)]
    >>> one, two, three = map(fingerprint, times)
    >>> one == two, one == three
    (False, True)
    """
    digest = hashlib.sha256()
    for part in _parts(thing, {}, {}):
        digest.update(part)
    return digest.hexdigest()[:32]


def is_importable(thing: Any) -> bool:
    """Whether looking up the name of a function or a class gives that very object.

    >>> is_importable(len), is_importable(np.mean), is_importable("text".join)
    (True, True, False)
    """
    module, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
    if not (isinstance(module, str) and isinstance(name, str)):
        return False
    try:
        return reduce(getattr, name.split("."), sys.modules[module]) is thing
    except (KeyError, AttributeError):
        return False


def is_distribution(thing: Any) -> bool:
    """Whether this is a frozen distribution of scipy's."""
    return all(hasattr(thing, name) for name in ("dist", "args", "kwds", "rvs"))


def _parts(thing: Any, outer: dict[int, int], known: dict[int, Met]) -> Iterator[bytes]:
    """Yield the bytes that a thing is made of.

    ``outer`` are the things that it is inside of, ``known`` the functions, classes and objects
    that were met before: these refer to each other, and each is taken apart once.
    """
    name = f"{type(thing).__module__}.{type(thing).__qualname__}"
    if isinstance(thing, (*_PLAIN, np.generic)):
        yield f"{name}:{thing!r};".encode()
    elif isinstance(thing, memoryview):
        yield thing.tobytes()
    elif id(thing) in outer:
        yield f"up:{len(outer) - outer[id(thing)]};".encode()
    elif id(thing) in known:
        yield f"known:{known[id(thing)].number};".encode()
    else:
        if not (isinstance(thing, _VALUES) or hasattr(thing, "__array__")):
            known[id(thing)] = Met(len(known), thing)
        yield f"{name}(".encode()
        inside = outer | {id(thing): len(outer)}
        for part in _inner(thing):
            yield from _parts(part, inside, known)
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
    elif isinstance(thing, ModuleType | os.PathLike):
        yield str(thing)
    elif isinstance(thing, FunctionType):
        yield from _of_function(thing)
    elif isinstance(thing, MethodType | BuiltinFunctionType | MethodWrapperType):
        yield from _of_method(thing)
    elif isinstance(thing, CodeType):
        yield from (thing.co_code, thing.co_consts, thing.co_names)
    elif isinstance(thing, staticmethod | classmethod):
        yield thing.__func__
    elif isinstance(thing, property):
        yield from (thing.fget, thing.fset, thing.fdel)
    else:
        yield from _of_object(thing)


def _of_array(array: Any) -> Iterator[Any]:
    yield from (str(array.dtype), array.shape)
    if array.dtype.hasobject:
        yield array.tolist()
    else:
        yield memoryview(np.ascontiguousarray(array).tobytes())


def _of_class(kind: type) -> Iterator[Any]:
    yield from (kind.__module__, kind.__qualname__)
    # What libraries do, their versions tell.
    if not (_is_versioned(kind) and is_importable(kind)):
        yield kind.__bases__
        yield {n: part for n, part in vars(kind).items() if n not in _OF_PYTHON and _is_told(part)}


def _is_versioned(thing: Any) -> bool:
    return str(thing.__module__).partition(".")[0] in _VERSIONED


def _is_told(value: Any, outer: frozenset[int] = frozenset()) -> bool:
    """Whether what a class or a module has under a name decides what its functions do.

    Objects of other kinds, such as open files and what holds them, differ from process to process.
    """
    told = (*_PLAIN, np.generic, np.ndarray, FunctionType, type, staticmethod, classmethod)
    if isinstance(value, (*told, property, partial)) or hasattr(value, "detach"):
        return True
    inside = outer | {id(value)}
    held = _held(value)
    return held is not None and all(id(p) in inside or _is_told(p, inside) for p in held)


def _held(value: Any) -> Iterable[Any] | None:
    """Return what a container, or an object of the user's, consists of; None of others."""
    if isinstance(value, list | tuple):
        return value
    if isinstance(value, dict):
        return value.values()
    is_users = not isinstance(value, ModuleType) and not _is_versioned(type(value))
    return vars(value).values() if is_users and hasattr(value, "__dict__") else None


def _of_function(function: FunctionType) -> Iterator[Any]:
    yield function.__qualname__
    if _is_versioned(function) and is_importable(function):
        yield function.__module__
        return
    yield from (function.__code__, function.__defaults__, function.__kwdefaults__)
    yield [_content(cell) for cell in function.__closure__ or ()]
    yield {name: part for name, part in vars(function).items() if _is_told(part)}
    if _is_versioned(function):
        return
    names, known = sorted(_global_names(function.__code__)), function.__globals__
    yield {name: known[name] for name in names if name in known and _is_told(known[name])}


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a function that names what is defined after it
        return "empty"


def _global_names(code: CodeType) -> set[str]:
    inner = [const for const in code.co_consts if isinstance(const, CodeType)]
    return set(code.co_names).union(*map(_global_names, inner))


def _of_method(method: Any) -> Iterator[Any]:
    yield method.__qualname__
    owner = method.__self__
    yield owner if not isinstance(owner, ModuleType) else owner.__name__
    if isinstance(method, MethodType):
        yield method.__func__


def _of_object(thing: Any) -> Iterator[Any]:
    if not is_importable(type(thing)):
        yield type(thing)
    if hasattr(thing, "detach"):
        yield from _of_tensor(thing)
    elif hasattr(thing, "columns") and hasattr(thing, "dtypes"):
        yield [str(name) for name in thing.columns]
        for name in range(len(thing.columns)):
            yield np.asarray(thing.iloc[:, name] if hasattr(thing, "iloc") else thing[:, name])
    elif hasattr(thing, "get_params"):
        yield thing.get_params(deep=False)
    elif is_distribution(thing):
        yield from (thing.dist.name, thing.args, thing.kwds)
    elif isinstance(thing, np.random.RandomState):
        yield thing.get_state()
    elif hasattr(thing, "__array__"):
        yield np.asarray(thing)
    elif isinstance(thing, partial):
        yield from (thing.func, thing.args, thing.keywords)
    else:
        yield _state(thing)


def _of_tensor(tensor: Any) -> Iterator[Any]:
    yield str(tensor.dtype)
    plain = tensor.detach().cpu().resolve_conj()
    # NumPy has no name for the shortest types; single precision holds all their numbers.
    is_short = any(name in str(tensor.dtype) for name in ("bfloat16", "float8"))
    yield (plain.float() if is_short else plain).numpy()


def _state(thing: Any) -> Any:
    """Return the attributes of an object, or what it is pickled with."""
    slots = {
        name: getattr(thing, name, None)
        for kind in type(thing).__mro__
        for name in np.atleast_1d(vars(kind).get("__slots__", ())).tolist()
        if name not in ("__dict__", "__weakref__")
    }
    own = {**slots, **getattr(thing, "__dict__", {})}
    if own:
        return own
    reduce_it = copyreg.dispatch_table.get(type(thing))
    reduced = thing.__reduce_ex__(4) if reduce_it is None else reduce_it(thing)
    return reduced if isinstance(reduced, str) else reduced[1:]
