"""The steps in front of a net fitted on training rows: transformers, and samplers among them.

A sampler is a step with ``fit_resample``, as imbalanced-learn has them. In fitting it leaves rows
out, repeats them or makes up new ones, so that targets and parameters with a value for each row
must follow; in predicting it is left out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import get_routing_for_object
from sklearn.utils.validation import _num_samples

from sktune.exceptions import refuse
from sktune.runs.anatomy import assembled, heads, routed
from sktune.runs.parameters import Rows, is_per_row, sliced
from sktune.runs.target_steps import TargetHead
from sktune.space import final_step


@dataclass(frozen=True)
class TrainingRows:
    """Rows and targets on their way through the steps.

    Attributes
    ----------
    original : object
        The rows as they came.
    numbers : ndarray or None
        Which of these the rows are, None if a sampler does not tell.
    sampler : str
        That sampler.
    """

    X: Any
    y: Any
    original: Any
    numbers: Rows | None
    sampler: str = ""

    def follow(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return parameters for these rows.

        Raises
        ------
        InvalidSettingsError
            If a parameter has a value for each row, and it is not known which rows these are.
        """
        if self.numbers is not None:
            return sliced(params, self.original, self.numbers)
        refuse(_untraced(params, self.original, self.sampler))
        return dict(params)

    def resampled(self, sampler: Any, X: Any, y: Any) -> "TrainingRows":
        """Return the rows that a fitted sampler has made of these."""
        selected = getattr(sampler, "sample_indices_", None)
        if selected is None or len(selected) != _num_samples(X):
            return TrainingRows(X, y, self.original, None, self.sampler or type(sampler).__name__)
        numbers = None if self.numbers is None else self.numbers[np.asarray(selected)]
        return replace(self, X=X, y=y, numbers=numbers)


@dataclass(frozen=True)
class FittedHeads:
    """Fitted steps in front of a net, and what the net is fitted on behind them."""

    X: Any
    y: Any
    params: Mapping[str, Any] = field(default_factory=dict)
    heads: list[Any] = field(default_factory=list)


def fit_heads(
    estimator: Any, X: Any, y: Any, params: Mapping[str, Any], routing: bool
) -> FittedHeads:
    """Fit all steps but the last, as ``fit`` of the pipeline does.

    Parameters
    ----------
    estimator : object
        A pipeline, pipelines within pipelines, or anything else, which has no such steps.
    X, y : object
        The training rows and their targets.
    params : mapping
        Parameters of ``fit``.
    routing : bool
        Whether metadata routing tells which step gets which of these.
    """
    of_heads, of_net = routed(estimator, params, routing)
    rows = TrainingRows(X, y, X, np.arange(_num_samples(X)))
    fitted = heads(estimator)
    for head, own in zip(fitted, of_heads, strict=True):
        if isinstance(head, TargetHead):
            rows = replace(rows, y=head.fit_targets(rows.X, rows.y))
        else:
            rows = _fit(head, rows, own, routing)
    return FittedHeads(rows.X, rows.y, rows.follow(of_net), fitted)


def fit_whole(estimator: Any, X: Any, y: Any, params: Mapping[str, Any], routing: bool) -> Any:
    """Return the estimator fitted, the last step with the parameters for the rows it is given."""
    samplers = [step for head in heads(estimator) for _, step in head.steps if is_sampler(step)]
    if not (samplers and params):
        return estimator.fit(*((X,) if y is None else (X, y)), **params)
    fitted = fit_heads(estimator, X, y, params, routing)
    last = final_step(estimator)[1].fit(fitted.X, fitted.y, **fitted.params)
    return assembled(estimator, fitted.heads, last)


def is_sampler(step: Any) -> bool:
    """Whether a step of a pipeline is a sampler."""
    return hasattr(step, "fit_resample")


def untraced_parameters(
    estimator: Any, X: Any, params: Mapping[str, Any], routing: bool
) -> Iterator[str]:
    """Yield a line for each parameter that cannot follow its rows through the samplers.

    Only those are found that say in their tags, as imbalanced-learn's do, that they do not tell
    which rows they have taken.
    """
    of_heads, of_net = routed(estimator, params, routing)
    sampler = ""
    for head, own in zip(heads(estimator), of_heads, strict=True):
        for part in _parts(head) if head.steps else ():
            if sampler:
                yield from _untraced(_asked(head, part, own, routing), X, sampler)
            last = part.steps[-2][1]
            if is_sampler(last) and not _may_tell_rows(last):
                sampler = sampler or type(last).__name__
    if sampler:
        yield from _untraced(of_net, X, sampler)


def _fit(
    head: Pipeline, rows: TrainingRows, params: Mapping[str, Any], routing: bool
) -> TrainingRows:
    """Fit the steps of a pipeline, each part up to a sampler with the parameters for its rows."""
    fitted = []
    for part in _parts(head):
        own = rows.follow(_asked(head, part, params, routing))
        X, y = part.fit_transform(rows.X, rows.y, **own)
        *steps, _ = part.steps
        last = steps[-1][1]
        rows = rows.resampled(last, X, y) if is_sampler(last) else replace(rows, X=X, y=y)
        fitted += steps
    # With a `memory` the fitted steps are others than those that were given.
    head.steps[:-1] = fitted
    return rows


def _parts(head: Pipeline) -> list[Pipeline]:
    """Return the steps up to each sampler, and those behind the last, each with an end."""
    *steps, end = head.steps
    ends = [number for number, (_, step) in enumerate(steps, 1) if is_sampler(step)]
    parts = [head[a:b] for a, b in pairwise([0, *ends, len(steps)]) if a < b]
    for part in parts:
        part.steps.append(end)
    return parts


def _asked(
    head: Pipeline, part: Pipeline, params: Mapping[str, Any], routing: bool
) -> dict[str, Any]:
    """Return the parameters that go to a part of a pipeline."""
    if routing:
        wanted = get_routing_for_object(part).consumes("fit_transform", params.keys())
        return {name: params[name] for name in wanted}
    # A name that no step has goes to each part, so that the first refuses it.
    others = {name for name, _ in head.steps} - {name for name, _ in part.steps}
    return {name: v for name, v in params.items() if name.partition("__")[0] not in others}


def _may_tell_rows(sampler: Any) -> bool:
    tags = getattr(get_tags(sampler), "sampler_tags", None)
    return tags is None or bool(tags.sample_indices)


def _untraced(params: Mapping[str, Any], X: Any, sampler: str) -> Iterator[str]:
    for name in (name for name, value in params.items() if is_per_row(value, X)):
        yield (
            f"`{name}` has a value for each row, but the sampler {sampler} does not tell which "
            "rows it has taken, and may have made some up, for which there is no value. Leave "
            f"`{name}` out, or take a sampler that selects rows and has `sample_indices_`, such "
            "as RandomUnderSampler or RandomOverSampler."
        )
