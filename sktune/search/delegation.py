"""What the best estimator does for a search that has found it."""

from collections.abc import Callable, Mapping
from typing import Any

from sklearn import get_config
from sklearn.base import is_classifier
from sklearn.utils import check_array
from sklearn.utils.metadata_routing import process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from sktune.nets import plain_labels
from sktune.search.resources import resource_of
from sktune.space import final_step
from sktune.trainers import is_raw, refuse_missing


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
        getattr(getattr(search, "best_estimator_", search.estimator), method)
        return True

    return is_available


class Delegating:
    """Predicts and scores with the best estimator."""

    refit: Any
    estimator: Any
    scorer_: Any
    best_estimator_: Any

    @property
    def _is_users_net(self) -> bool:
        """Whether a user's net is searched with no transformer in front, which would check rows."""
        path, net = final_step(self.estimator)
        return is_raw(net) and not path and resource_of(self) == "epochs"

    _ranked_by: str

    def _ask(self, method: str, X: Any) -> Any:
        check_is_fitted(self)
        self._check_features(X)
        return getattr(self.best_estimator_, method)(X)

    def _check_features(self, X: Any) -> None:
        """Refuse rows that are not like those of ``fit``, where no transformer would."""
        if self._is_users_net:
            if len(getattr(X, "shape", ())) == 1 and hasattr(self, "n_features_in_"):
                check_array(X, dtype=None)
            validate_data(self, X, reset=False, skip_check_array=True)
            refuse_missing(self.best_estimator_, X)

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
        self._check_features(X)
        y = plain_labels(y) if is_classifier(self.estimator) else y
        value = scorer(self.best_estimator_, X, y, **params)
        return float(value[self._ranked_by] if isinstance(value, Mapping) else value)
