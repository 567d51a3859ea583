"""Hyperparameters as JSON, so that reading gives back the same values of the same types.

Numbers, texts, truth values, None, and lists of these are plain. What JSON has no word for is
tagged: NumPy's scalars, numbers that are not finite, tuples; and anything else, such as a class or
a step of a pipeline, is a pickle, which a search unpickles when it is resumed and nobody else.
"""

import base64
import math
import pickle
from collections.abc import Mapping
from typing import Any

import numpy as np

from sktune.exceptions import StorageError

_SHOWN = 200  # characters


def encoded(value: Any) -> Any:
    """Return a value as JSON has it.

    >>> encoded(0.1), encoded(np.float64(0.1)), encoded((1, 2))
    (0.1, {'float64': 0.1}, {'tuple': [1, 2]})
    """
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, np.number | np.bool_) and value.dtype.kind in "biuf":
        return {value.dtype.name: encoded(value.item())}
    if type(value) is list:
        return [encoded(part) for part in value]
    if type(value) is tuple:
        return {"tuple": [encoded(part) for part in value]}
    return _pickled(value)


def decoded(found: Any) -> Any:
    """Return the value; this unpickles, so it is for those who trust the storage.

    >>> decoded(encoded(np.float64(0.1))), decoded({"float": "inf"})
    (np.float64(0.1), inf)
    """
    if isinstance(found, list):
        return [decoded(part) for part in found]
    if not isinstance(found, dict):
        return found
    if "pickle" in found:
        return pickle.loads(base64.b64decode(found["pickle"]))
    return _untagged(found, decoded)


def readable(found: Any) -> Any:
    """Return the value, the text of it where it is a pickle: this runs nobody's code.

    >>> readable(encoded(dict)), readable(encoded((1.5, None)))
    ("<class 'dict'>", (1.5, None))
    """
    if isinstance(found, list):
        return [readable(part) for part in found]
    if not isinstance(found, dict):
        return found
    return found["shown"] if "pickle" in found else _untagged(found, readable)


def shown(value: Any) -> str:
    """Return a short text for a value."""
    text = " ".join(repr(value).split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _untagged(found: Mapping[str, Any], read: Any) -> Any:
    ((kind, value),) = found.items()
    if kind == "tuple":
        return tuple(read(part) for part in value)
    value = read(value)
    return float(value) if kind == "float" else np.dtype(kind).type(value)


def _pickled(value: Any) -> dict[str, str]:
    try:
        whole = pickle.dumps(value, protocol=5)
    except Exception as error:  # whatever a foreign object does when it is pickled
        raise StorageError(
            f"The hyperparameter value {shown(value)} cannot be stored "
            f"({type(error).__name__}: {error}): define it at the top level of a module, or set "
            "storage=None."
        ) from error
    return {"pickle": base64.b64encode(whole).decode(), "shown": shown(value)}
