"""Scores of a trained net, by scikit-learn's scorers, unless its predictions are not finite."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Real
from typing import Any

import torch
from skorch import NeuralNet

from sktune.exceptions import DivergedError, InvalidSettingsError


def reads_predictions_only(scorer: Any) -> bool:
    """Whether a scorer is scikit-learn's own kind, which asks for predictions and no more.

    Any other callable is given the whole pipeline and the rows as they came.
    """
    parts = getattr(scorer, "_scorers", None)
    if parts is not None:
        return all(reads_predictions_only(part) for part in parts.values())
    return hasattr(scorer, "_score_func") or type(scorer).__name__ == "_PassthroughScorer"


def ranking_metric(names: Sequence[str], refit: Any) -> str:
    """Return the metric by which candidates are promoted.

    It is the only one, else the one that ``refit`` names, else the first.

    >>> ranking_metric(["accuracy", "f1"], "f1"), ranking_metric(["accuracy", "f1"], False)
    ('f1', 'accuracy')
    """
    if list(names) == ["score"]:
        return "score"
    if refit is True or (isinstance(refit, str) and refit not in names):
        raise InvalidSettingsError(
            f"`refit`={refit!r} must name one of the metrics that `scoring` returns, "
            f"{sorted(names)}, or be False."
        )
    return refit if isinstance(refit, str) else names[0]


def scores(
    scorer: Callable[..., Any],
    estimator: Any,
    net: NeuralNet,
    X: Any,
    y: Any,
    params: Mapping[str, Any],
) -> dict[str, float]:
    """Return the score of each metric; that of a single metric is named "score".

    Raises
    ------
    DivergedError
        If the net's outputs or a score are not finite: the argmax of NaN is class 0, which
        would score as if nothing had happened.
    ValueError
        If a score is no number.
    """
    with _watched(net):
        return scores_of(scorer, estimator, X, y, params)


def scores_of(
    scorer: Callable[..., Any], estimator: Any, X: Any, y: Any, params: Mapping[str, Any]
) -> dict[str, float]:
    """Return the score of each metric of any estimator, unless one is not finite."""
    value = scorer(estimator, X, y, **params) if y is not None else scorer(estimator, X, **params)
    if isinstance(value, Mapping):
        return {name: _finite(name, as_score(repr(name), part)) for name, part in value.items()}
    return {"score": _finite("score", as_score(_name_of(scorer), value))}


def as_score(name: str, value: Any) -> float:
    """Return what a scorer returned as a number: an array or a tensor may hold it alone.

    >>> as_score("mine", torch.tensor([[0.5]]))
    0.5

    Raises
    ------
    ValueError
        If it is anything else.
    """
    number = value.item() if getattr(value, "size", None) == 1 or _is_one(value) else value
    if not isinstance(number, Real):
        raise ValueError(
            f"The scorer {name} returned {value!r}: it must return one real number, or an array "
            "or tensor that holds one."
        )
    return float(number)


def _is_one(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.numel() == 1


def _name_of(scorer: Any) -> str:
    return str(getattr(scorer, "__name__", scorer))


def _finite(name: str, number: float) -> float:
    if not math.isfinite(number):
        raise DivergedError(f"the metric {name!r} is {number}")
    return number


@contextmanager
def _watched(net: NeuralNet) -> Iterator[None]:
    broken = []

    def look(module: Any, inputs: Any, outputs: Any) -> None:
        first = outputs[0] if isinstance(outputs, tuple) else outputs
        if isinstance(first, torch.Tensor) and not bool(torch.isfinite(first).all()):
            broken.append(module)

    hook = net.module_.register_forward_hook(look)
    try:
        yield
    finally:
        hook.remove()
    if broken:
        raise DivergedError("the predictions are not finite")
