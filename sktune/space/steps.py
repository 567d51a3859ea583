"""The net at the heart of an estimator: behind pipelines, and within other wrappers."""

from typing import Any

from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline


def next_step(estimator: Any) -> tuple[str, Any] | None:
    """Return name and value of the step that ends a pipeline or learns transformed targets."""
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        return str(name), last
    if isinstance(estimator, TransformedTargetRegressor) and estimator.regressor is not None:
        return "regressor", estimator.regressor
    return None


def final_step(estimator: Any) -> tuple[str, Any]:
    """Return (path, net): the last step, of pipelines within pipelines too.

    >>> from sktune import MLPClassifier
    >>> final_step(Pipeline([("a", Pipeline([("net", MLPClassifier())]))]))
    ('a__net', MLPClassifier())
    """
    path = []
    while step := next_step(estimator):
        name, estimator = step
        path.append(name)
    return "__".join(path), estimator


def inner_net(estimator: Any) -> tuple[str, Any]:
    """Return (path, net): the last step, and what it wraps, until nothing is wrapped any more.

    Parameters
    ----------
    estimator : estimator
        An estimator that wraps another has a single parameter that predicts.

    Examples
    --------
    >>> from sklearn.calibration import CalibratedClassifierCV
    >>> from sktune import MLPClassifier
    >>> inner_net(CalibratedClassifierCV(Pipeline([("net", MLPClassifier())])))
    ('estimator__net', MLPClassifier())
    """
    path, net = final_step(estimator)
    wrapped = _wrapped(net)
    if wrapped is None:
        return path, net
    name, inner = wrapped
    below, net = inner_net(inner)
    return "__".join(part for part in (path, name, below) if part), net


def _wrapped(estimator: Any) -> tuple[str, Any] | None:
    """Return name and value of the one parameter that is an estimator which predicts."""
    if not hasattr(estimator, "get_params"):
        return None
    found = [
        (name, value)
        for name, value in estimator.get_params(deep=False).items()
        if hasattr(value, "get_params") and hasattr(value, "fit") and not isinstance(value, type)
        if hasattr(value, "predict")
    ]
    return found[0] if len(found) == 1 else None
