"""The space suggested for an estimator: what is usually worth tuning in its final net."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from sklearn.pipeline import Pipeline

from sktune.exceptions import InvalidSettingsError
from sktune.space.dimensions import Choice, Float, Int

_WIDTHS = Choice([32, 64, 128, 256])
_KNOWN: Mapping[str, Any] = {
    "lr": Float(1e-4, 1e-1, log=True),
    "batch_size": Choice([32, 64, 128, 256]),
    "weight_decay": Float(1e-6, 1e-2, log=True),
    "depth": Int(1, 3),
    "n_layers": Int(1, 3),
    "num_layers": Int(1, 3),
    "width": _WIDTHS,
    "hidden_size": _WIDTHS,
    "hidden_dim": _WIDTHS,
    "num_units": _WIDTHS,
    "n_units": _WIDTHS,
    "filters": Choice([8, 16, 32, 64]),
    "kernel_size": Choice([3, 5, 7]),
    "dropout": Float(0.0, 0.5),
    "dropout_rate": Float(0.0, 0.5),
}


def suggest_space(estimator: Any) -> dict[str, Any]:
    """Return a space for the estimator's final net.

    Parameters
    ----------
    estimator : estimator
        One of sktune's nets, any skorch net, or a pipeline that ends in one. Of a skorch net,
        the learning rate, the batch size, the optimiser's weight decay and the module's
        arguments named like depth, width or dropout are suggested.

    Returns
    -------
    space : dict
        From parameter names, with the right prefix, to dimensions.

    Raises
    ------
    InvalidSettingsError
        If nothing about the estimator is known to be worth tuning.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sktune import MLPClassifier, suggest_space
    >>> space = suggest_space(make_pipeline(StandardScaler(), MLPClassifier()))
    >>> sorted(space)[:3]
    ['mlpclassifier__batch_size', 'mlpclassifier__depth', 'mlpclassifier__dropout']
    >>> space["mlpclassifier__lr"]
    Float(low=0.0001, high=0.1, log=True)
    """
    path, net = final_step(estimator)
    prefix = f"{path}__" if path else ""
    space = {prefix + name: _KNOWN[key] for name, key in _tunable(net)}
    if not space:
        raise InvalidSettingsError(
            f"`param_distributions`='auto' knows nothing to tune in {type(net).__name__}: write a "
            "dict from its parameters to what may be tried, such as {'alpha': [0.1, 1.0]}."
        )
    return space


def final_step(estimator: Any) -> tuple[str, Any]:
    """Return (path, net): the last step, of pipelines within pipelines too.

    >>> from sktune import MLPClassifier
    >>> final_step(Pipeline([("a", Pipeline([("net", MLPClassifier())]))]))
    ('a__net', MLPClassifier())
    """
    path = []
    while isinstance(estimator, Pipeline):
        name, estimator = estimator.steps[-1]
        path.append(name)
    return "__".join(path), estimator


def _tunable(net: Any) -> Iterator[tuple[str, str]]:
    """Yield (parameter, word known for it)."""
    params = net.get_params(deep=False)
    yield from ((name, name) for name in params if name in _KNOWN)
    for owner in ("optimizer", "module"):
        arguments = _arguments(params.get(owner))
        known = arguments & ({"weight_decay"} if owner == "optimizer" else _KNOWN.keys())
        yield from ((f"{owner}__{name}", name) for name in sorted(known))


def _arguments(factory: Any) -> set[str]:
    if isinstance(factory, str) or not callable(factory):
        return set()
    # A module given as an instance is rebuilt from its class when its arguments are set.
    made_by = factory if inspect.isclass(factory) or inspect.isfunction(factory) else type(factory)
    return set(inspect.signature(made_by).parameters)
