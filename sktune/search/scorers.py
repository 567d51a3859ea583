"""Whether scikit-learn's own scorers can judge a target: tried on perfect predictions.

What a metric takes, it says itself: ``roc_auc`` that many classes need averaging, ``f1`` that
texts have no positive class. It is asked before training and not after.
"""

import warnings
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if

Array = npt.NDArray[Any]

_ANSWERS = ("predict_proba", "predict_log_proba", "decision_function")
_N_ROWS = 1000


def answers(estimator: Any) -> set[str]:
    """Return the methods of an estimator that scorers ask for, beside ``predict``."""
    return {name for name in _ANSWERS if hasattr(estimator, name)}


def named(scorer: Any, scoring: Any) -> dict[str, Any]:
    """Return the scorers that ``check_scoring`` has made of a user's ``scoring``, by name."""
    name = scoring if isinstance(scoring, str) else str(scorer)
    return dict(getattr(scorer, "_scorers", {name: scorer}))


def scorer_mistakes(
    scorers: Mapping[str, Any], methods: Collection[str], y: Any, kind: str
) -> Iterator[str]:
    """Yield a line for each of scikit-learn's metrics that cannot judge a target.

    Parameters
    ----------
    scorers : mapping
        By name; those that are not scikit-learn's are not called.
    methods : collection of str
        What the estimator that is to be judged has beside ``predict``.
    y : array of shape (n_rows,) or (n_rows, n_outputs)
        The target.
    kind : {"classifier", "regressor"}
        What the estimator is.
    """
    y = np.asarray(y)
    perfect = _Perfect(_some_rows(y), methods, kind)
    for name, scorer in scorers.items():
        said = _objection(scorer, perfect) if _is_scikit_learns(scorer) else ""
        if said:
            yield (
                f"`scoring`: {name} cannot judge this target ({said.rstrip('.')}). Choose another "
                "metric, or give it what it asks for by sklearn.metrics.make_scorer."
            )


def _is_scikit_learns(scorer: Any) -> bool:
    module = getattr(getattr(scorer, "_score_func", None), "__module__", None) or ""
    return module.startswith("sklearn.")


def _objection(scorer: Any, perfect: "_Perfect") -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            scorer(perfect.predictor, perfect.X, perfect.y)
        except perfect.objections as error:
            return " ".join(str(error).split())
        except AttributeError:  # of a target with several columns only predictions are known
            return ""
    return ""


def _some_rows(y: Array) -> Array:
    """Return some targets, among them every class, or the lowest and the highest number."""
    if len(y) <= _N_ROWS or y.ndim > 1:
        return y[:_N_ROWS]
    if y.dtype.kind == "f":
        extremes = np.array([np.argmin(y), np.argmax(y)])
    else:
        _, extremes = np.unique(y, return_index=True)
    chosen: Array = y[np.concatenate([extremes, np.arange(_N_ROWS)])]
    return chosen


class _Perfect:
    """Targets, rows that number them, and a predictor that knows them."""

    def __init__(self, y: Array, methods: Collection[str], kind: str) -> None:
        self.y, self.X = y, np.arange(len(y)).reshape(-1, 1)
        kinds = {"classifier": _Classifier, "regressor": _Regressor}
        self.predictor = kinds[kind](y, methods if y.ndim == 1 else ())
        self.objections: tuple[type[Exception], ...] = (ValueError, TypeError)
        if y.ndim == 1:
            self.objections += (AttributeError,)


def _has(method: str) -> Any:
    return available_if(lambda predictor: method in predictor.methods)


class _Predictor(BaseEstimator):
    def __init__(self, y: Any, methods: Collection[str] = ()) -> None:
        self.y = y
        self.methods = methods

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, X: Any, y: Any) -> Any:
        return self

    def predict(self, X: Any) -> Any:
        return self.y[X[:, 0]]


class _Regressor(RegressorMixin, _Predictor):
    pass


class _Classifier(ClassifierMixin, _Predictor):
    @property
    def classes_(self) -> Any:
        return np.unique(self.y)

    @_has("predict_proba")
    def predict_proba(self, X: Any) -> Any:
        sure = np.where(self.predict(X)[:, None] == self.classes_, 0.9, 0.1)
        return sure / sure.sum(axis=1, keepdims=True)

    @_has("predict_log_proba")
    def predict_log_proba(self, X: Any) -> Any:
        return np.log(self.predict_proba(X))

    @_has("decision_function")
    def decision_function(self, X: Any) -> Any:
        each = np.where(self.predict(X)[:, None] == self.classes_, 1.0, -1.0)
        return each[:, 1] if each.shape[1] == 2 else each
