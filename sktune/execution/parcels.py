"""Jobs as bytes, in which arrays that many jobs share are references."""

import io
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

from cloudpickle import CloudPickler

Call = Callable[[], Any]


class Parcels:
    """Packs calls for workers elsewhere.

    Parameters
    ----------
    send : callable
        Sends an array ahead; returns the call by which a worker gets it.
    """

    def __init__(self, send: Callable[[Any], Call]) -> None:
        self._send = send
        self._shared: dict[int, Any] = {}
        self._sent: dict[int, Call] = {}

    def share(self, array: Any) -> Any:
        """Have an array sent ahead once, when a call needs it; return it as it is."""
        self._shared[id(array)] = array
        return array

    def forget(self) -> None:
        """Have all arrays sent anew."""
        self._sent.clear()

    def packed(self, call: Call) -> Call:
        """Return a call that is light to send, and does the same."""
        file = io.BytesIO()
        _Pickler(file, self._reference).dump(call)
        return partial(_called, file.getvalue())

    def _reference(self, thing: Any) -> Call | None:
        number = id(thing)
        if number not in self._shared:
            return None
        if number not in self._sent:
            self._sent[number] = self._send(thing)
        return self._sent[number]


class _Pickler(CloudPickler):
    def __init__(self, file: io.BytesIO, reference: Callable[[Any], Call | None]) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._reference = reference

    def reducer_override(self, obj: Any) -> Any:
        reference = self._reference(obj)
        return super().reducer_override(obj) if reference is None else (reference, ())


def _called(packed: bytes) -> Any:
    return pickle.loads(packed)()
