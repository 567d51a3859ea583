"""What the best estimator does for a search that has found it."""

from collections.abc import Callable, Mapping
from typing import Any

from sklearn import get_config
from sklearn.base import is_classifier
from sklearn.utils.metadata_routing import process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted


def _delegated(method: str) -> Callable[[Any], bool]:
    def is_available(search: Any) -> bool:
        if not search.refit:
            raise AttributeError(
                f"This {type(search).__name__} has `refit`=False, so there is no network to "
                f"{method} with: set `refit` and fit again."
            )
        # Every skorch net has predict_proba, a regressor's being its predictions once more.
        if method == "predict_proba" and not is_classifier(search.estimator):
            raise AttributeError(f"A regressor has no {method}.")
        getattr(getattr(search, "_predictor", search.estimator), method)
        return True

    return is_available


class Delegating:
    """Predicts and scores with the best estimator."""

    refit: Any
    estimator: Any
    scorer_: Any
    _gate: Any
    _predictor: Any
    _ranked_by: str

    def _ask(self, method: str, X: Any) -> Any:
        check_is_fitted(self)
        X = X if self._gate is None else self._gate.enter(X)
        return getattr(self._predictor, method)(X)

    @available_if(_delegated("predict"))
    def predict(self, X: Any) -> Any:
        """Return the predictions of the best estimator.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        return self._ask("predict", X)

    @available_if(_delegated("predict_proba"))
    def predict_proba(self, X: Any) -> Any:
        """Return the class probabilities of the best estimator.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        return self._ask("predict_proba", X)

    def score(self, X: Any, y: Any = None, **params: Any) -> float:
        """Return the score of the best estimator, by the metric it was chosen by.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,), default=None
            Their targets.
        **params : dict
            Metadata for the scorer; needs metadata routing to be enabled.

        Returns
        -------
        score : float
        """
        _delegated("score")(self)
        check_is_fitted(self)
        if params and not get_config()["enable_metadata_routing"]:
            raise ValueError(
                f"`score` takes {sorted(params)} only with metadata routing: call "
                "sklearn.set_config(enable_metadata_routing=True)."
            )
        if params:
            params = process_routing(self, "score", **params).scorer.score
        scorer = self.scorer_
        if isinstance(scorer, dict):
            scorer = scorer[self._ranked_by]
        X = X if self._gate is None else self._gate.enter(X)
        value = scorer(self._predictor, X, y, **params)
        return float(value[self._ranked_by] if isinstance(value, Mapping) else value)
