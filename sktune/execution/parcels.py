"""Jobs as bytes, beside which arrays that many jobs share travel by themselves."""

import io
import pickle
from collections.abc import Callable
from typing import Any

from cloudpickle import CloudPickler

from sktune.exceptions import LostWorkerError

Call = Callable[[], Any]


class Parcels:
    """Packs calls for workers elsewhere.

    Parameters
    ----------
    send : callable
        Sends an array ahead; returns what stands for it.
    """

    def __init__(self, send: Callable[[Any], Any]) -> None:
        self._send = send
        self._shared: dict[int, Any] = {}
        self._sent: dict[int, Any] = {}

    def share(self, array: Any) -> Any:
        """Have an array sent ahead once, when a call needs it; return it as it is."""
        self._shared[id(array)] = array
        return array

    def forget(self) -> None:
        """Have all arrays sent anew."""
        self._sent.clear()

    def packed(self, call: Call) -> tuple[bytes, list[Any]]:
        """Return a call without its shared arrays, and what stands for these."""
        file, arrays = io.BytesIO(), dict[int, Any]()
        _Pickler(file, self._shared, arrays).dump(call)
        return file.getvalue(), [self._reference(array) for array in arrays.values()]

    def _reference(self, array: Any) -> Any:
        if id(array) not in self._sent:
            self._sent[id(array)] = self._send(array)
        return self._sent[id(array)]


class _Pickler(CloudPickler):
    """Leaves shared arrays out, and gathers them."""

    def __init__(self, file: io.BytesIO, shared: dict[int, Any], found: dict[int, Any]) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._shared, self._found = shared, found

    def persistent_id(self, obj: Any) -> int | None:
        if id(obj) not in self._shared:
            return None
        self._found.setdefault(id(obj), obj)
        return list(self._found).index(id(obj))


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, arrays: list[Any]) -> None:
        super().__init__(file)
        self._arrays = arrays

    def persistent_load(self, pid: Any) -> Any:
        return self._arrays[pid]


def called(packed: bytes, arrays: list[Any], fetch: Callable[[list[Any]], list[Any]]) -> Any:
    """Make a call that was packed; ``fetch`` gets the arrays from what stands for them."""
    try:
        call = _Unpickler(io.BytesIO(packed), fetch(arrays)).load()
    except Exception as error:  # the data are gone, or the worker lacks a module
        text = f"a job did not reach its worker ({type(error).__name__}: {error})"
        raise LostWorkerError(text) from error
    return call()
