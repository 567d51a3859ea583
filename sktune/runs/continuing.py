"""Whether an estimator can be continued by ``partial_fit``: tried on made-up rows.

Some have the method and refuse it for some settings only, such as SGDClassifier with
``class_weight="balanced"``; which ones, each estimator knows alone.
"""

import io
import warnings
from collections.abc import Hashable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier, is_regressor
from skorch import NeuralNet

from sktune.candidates import Failure
from sktune.nets.randomness import Randomness
from sktune.space import setting_key

_N_ROWS = 40
_KNOWN: dict[Hashable, str] = {}


def refusal(estimator: Any) -> str:
    """Return why ``partial_fit`` refuses an estimator's settings, empty if it does not.

    What ``fit`` refuses as well is no matter of ``partial_fit``.

    Examples
    --------
    >>> from sklearn.linear_model import SGDClassifier
    >>> refusal(SGDClassifier())
    ''
    >>> refusal(SGDClassifier(early_stopping=True))
    'ValueError: early_stopping should be False with partial_fit'
    """
    if isinstance(estimator, NeuralNet):
        return ""
    if not hasattr(estimator, "partial_fit"):
        return f"{type(estimator).__name__} has no `partial_fit`"
    key = setting_key({"": estimator})
    if key not in _KNOWN:
        _KNOWN[key] = _tried(estimator)
    return _KNOWN[key]


def _tried(estimator: Any) -> str:
    with _unnoticed():
        for given, params in _made_up(estimator):
            refused = _error(clone(estimator).partial_fit, *given, **params)
            if not refused:
                return ""
            if not _error(clone(estimator).fit, *given):
                return refused
    return ""


def _made_up(estimator: Any) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Yield data, of one target and of two, and what a search gives ``partial_fit`` beside."""
    X = np.random.default_rng(0).uniform(size=(_N_ROWS, 4))
    if is_classifier(estimator):
        y = np.arange(_N_ROWS) % 2
        yield (X, y), {"classes": np.unique(y)}
        yield (X, np.stack([y, 1 - y], axis=1)), {}
    elif is_regressor(estimator):
        yield (X, X[:, 0]), {}
        yield (X, X[:, :2]), {}
    else:
        yield (X,), {}


def _error(method: Any, *data: Any, **params: Any) -> str:
    try:
        method(*data, **params)
    except Exception as error:  # whatever an estimator says of what it does not take
        return Failure.of(error, 0.0).reason
    return ""


@contextmanager
def _unnoticed() -> Iterator[None]:
    with Randomness(0).turn(), warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
