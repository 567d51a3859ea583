"""Libraries that only some results need, imported when they are needed."""

from importlib import import_module
from typing import Any

from sktune.exceptions import InvalidSettingsError


def extra(module: str, name: str, user: str) -> Any:
    """Return a module of an extra of this package.

    >>> extra("math", "table", "read_storage").pi
    3.141592653589793

    Raises
    ------
    InvalidSettingsError
        If it is not installed; the message names the extra that brings it.
    """
    try:
        return import_module(module)
    except ImportError:
        library = module.partition(".")[0]
        raise InvalidSettingsError(
            f"{user} needs {library}, which is not installed: pip install 'sktune[{name}]'"
        ) from None
