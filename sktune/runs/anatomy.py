"""An estimator taken apart: the transformers in front, the final net, and back together."""

import copy
from collections.abc import Mapping
from typing import Any, Self

from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import get_routing_for_object, process_routing

from sktune.candidates import Params
from sktune.fingerprint import fingerprint
from sktune.runs.target_steps import TargetHead
from sktune.space import next_step


def head_setting(path: str, params: Params) -> str:
    """Return a key of what the candidate's parameters say about all but the final step."""
    mine = {
        name: value
        for name, value in params.items()
        if path and name != path and not name.startswith(f"{path}__")
    }
    return fingerprint(mine)


class NetPlace(BaseEstimator):
    """Stands where the net will be, and hands rows on, in fitting with their targets.

    Without it a pipeline whose last transformer has no fitted attribute would take itself for
    unfitted.
    """

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn nothing."""
        return self

    def transform(self, X: Any) -> Any:
        """Return the rows."""
        return X

    def fit_transform(self, X: Any, y: Any = None) -> tuple[Any, Any]:
        """Return the rows and the targets, which a sampler may have changed."""
        return X, y


def heads(estimator: Any) -> list[Any]:
    """Return what is in front of the final step, outermost first.

    That is a pipeline, which keeps a last step in the place of the net, or a
    :class:`TargetHead`.
    """
    found: list[Any] = []
    while step := next_step(estimator):
        if not isinstance(estimator, Pipeline):
            found.append(TargetHead(estimator))
        elif len(estimator.steps) > 1:
            found.append(_head(estimator))
        _, estimator = step
    return found


def _head(estimator: Pipeline) -> Pipeline:
    head = estimator[:-1]
    head.steps.append((estimator.steps[-1][0], NetPlace()))
    return head


def assembled(estimator: Any, fitted: list[Any], net: Any) -> Any:
    """Return the estimator with fitted transformers and a trained net in their places."""
    step = next_step(estimator)
    if step is None:
        return net
    name, last = step
    if not isinstance(estimator, Pipeline):
        return fitted[0].around(last, assembled(last, fitted[1:], net))
    own, rest = (fitted[:1], fitted[1:]) if len(estimator.steps) > 1 else ([], fitted)
    steps = [step for head in own for step in head.steps[:-1]]
    whole = copy.copy(estimator)
    whole.steps = [*steps, (name, assembled(last, rest, net))]
    return whole


def routed(
    estimator: Any, params: Mapping[str, Any], routing: bool
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Split what is given to ``fit`` into the parts of the heads and that of the final net.

    Without metadata routing, a pipeline's parameters are written ``step__name``.
    """
    of_heads: list[dict[str, Any]] = []
    params = dict(params)
    while step := next_step(estimator):
        name, last = step
        of_head, of_last = _split(estimator, name, params, routing)
        if not isinstance(estimator, Pipeline) or len(estimator.steps) > 1:
            of_heads.append(of_head)
        elif of_head:
            raise ValueError(
                f"Pipeline.fit does not accept the parameters {sorted(of_head)}: name the step "
                f"that they are for, as in {name}__{min(of_head)}."
            )
        estimator, params = last, of_last
    return of_heads, params


def _split(
    estimator: Any, name: str, params: Mapping[str, Any], routing: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    if isinstance(estimator, Pipeline):
        return (_by_request if routing else _by_prefix)(estimator, name, params)
    if routing and params:
        params = process_routing(estimator, "fit", **params)[name].fit
    # All that TransformedTargetRegressor is given is its regressor's.
    return {}, dict(params)


def _by_prefix(
    estimator: Pipeline, name: str, params: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    prefix = f"{name}__"
    last = {key.removeprefix(prefix): v for key, v in params.items() if key.startswith(prefix)}
    return {key: v for key, v in params.items() if not key.startswith(prefix)}, last


def _by_request(
    estimator: Pipeline, name: str, params: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    last = dict(process_routing(estimator, "fit", **params)[name].fit) if params else {}
    if len(estimator.steps) == 1:
        return {}, last
    wanted = get_routing_for_object(_head(estimator)).consumes("fit_transform", params.keys())
    return {key: params[key] for key in wanted}, last
