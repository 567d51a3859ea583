"""Targets that are transformed for the net alone: TransformedTargetRegressor, taken apart."""

import copy
from typing import Any, Self

from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline

from sktune.space import next_step


class _TargetPlace(RegressorMixin, BaseEstimator):
    """Stands where the regressor will be, and keeps the targets that it is given."""

    def fit(self, X: Any, y: Any) -> Self:
        """Keep the targets."""
        self.y_ = y
        return self

    def predict(self, X: Any) -> Any:
        """Return the targets; a regressor must be able to predict."""
        return self.y_


class TargetHead:
    """The transformer of the targets in front of a regressor: it leaves rows as they are.

    Parameters
    ----------
    wrapper : TransformedTargetRegressor
        Not fitted; it is copied.
    """

    steps: tuple[tuple[str, Any], ...] = ()

    def __init__(self, wrapper: TransformedTargetRegressor) -> None:
        self._wrapper = copy.copy(wrapper)
        self._wrapper.regressor = _TargetPlace()

    def fit_targets(self, X: Any, y: Any) -> Any:
        """Fit the transformer, and return the targets as the regressor is given them."""
        self._wrapper.fit(X, y)
        # What the place has kept is not carried along.
        return self._wrapper.__dict__.pop("regressor_").y_

    def transform(self, X: Any) -> Any:
        """Return the rows."""
        return X

    def around(self, regressor: Any, fitted: Any) -> TransformedTargetRegressor:
        """Return the fitted wrapper of a fitted regressor."""
        whole = copy.copy(self._wrapper)
        whole.regressor, whole.regressor_ = regressor, fitted
        if hasattr(fitted, "feature_names_in_"):
            whole.feature_names_in_ = fitted.feature_names_in_
        return whole


def transforms_targets(estimator: Any) -> bool:
    """Whether a step on the way to the final one changes what the final one learns."""
    while step := next_step(estimator):
        if not isinstance(estimator, Pipeline):
            return True
        _, estimator = step
    return False
