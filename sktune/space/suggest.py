"""The space suggested for an estimator: what is usually worth tuning in its final net."""

from collections.abc import Iterator, Mapping
from typing import Any

from sktune.exceptions import InvalidSettingsError
from sktune.space.dimensions import Choice, Float, Int
from sktune.space.names import arguments
from sktune.space.steps import inner_net

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
        One of sktune's nets, any skorch net, or a pipeline or another estimator around one, such as
        :class:`~sklearn.compose.TransformedTargetRegressor`. Of a skorch net, the learning rate,
        the batch size, the optimiser's weight decay and the module's arguments named like depth,
        width or dropout are suggested.

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
    path, net = inner_net(estimator)
    prefix = f"{path}__" if path else ""
    space = {prefix + name: _KNOWN[key] for name, key in _tunable(net)}
    if not space:
        raise InvalidSettingsError(
            f"`param_distributions`='auto' knows nothing to tune in {type(net).__name__}: write a "
            "dict from its parameters to what may be tried, such as {'alpha': [0.1, 1.0]}."
        )
    return space


def _tunable(net: Any) -> Iterator[tuple[str, str]]:
    """Yield (parameter, word known for it)."""
    params = net.get_params(deep=False)
    yield from ((name, name) for name in params if name in _KNOWN)
    for owner in ("optimizer", "module"):
        known = set(arguments(params.get(owner))) & (
            {"weight_decay"} if owner == "optimizer" else _KNOWN.keys()
        )
        yield from ((f"{owner}__{name}", name) for name in sorted(known))
