"""What the best estimator does for a search that has found it."""

from collections.abc import Callable, Mapping
from typing import Any

from sklearn import get_config
from sklearn.base import is_classifier, is_regressor
from sklearn.utils import check_array
from sklearn.utils.metadata_routing import process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from sktune.nets import plain_labels
from sktune.runs import as_score, is_raw, refuse_missing, trains_in_epochs
from sktune.search.ensemble import fold_ensemble
from sktune.search.resources import resource_of
from sktune.space import final_step


def _delegated(method: str) -> Callable[[Any], bool]:
    def is_available(search: Any) -> bool:
        if not search.refit:
            raise AttributeError(
                f"This {type(search).__name__} has `refit`=False, so there is no best estimator "
                f"for `{method}`: set `refit` and fit again, or fit an estimator with "
                "`best_params_`."
            )
        # Every skorch net has predict_proba, a regressor's being its predictions once more.
        if method == "predict_proba" and is_regressor(search.estimator):
            raise AttributeError(f"A regressor has no {method}.")
        getattr(_best_of(search), method)
        return True

    return is_available


def _best_of(search: Any) -> Any:
    """Return what answers after ``fit``, or an unfitted one of the same kind before."""
    if hasattr(search, "best_estimator_"):
        return search.best_estimator_
    return fold_ensemble([search.estimator]) if search.ensemble else search.estimator


class Delegating:
    """Predicts, transforms and scores with the best estimator: whatever that can do."""

    refit: Any
    estimator: Any
    scorer_: Any
    best_estimator_: Any
    _ranked_by: str

    @property
    def _is_users_net(self) -> bool:
        """Whether a user's net is searched with no transformer in front, which would check rows."""
        path, net = final_step(self.estimator)
        return is_raw(net) and not path and resource_of(self) == "epochs"

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
            if trains_in_epochs(self.best_estimator_):
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

    @available_if(_delegated("predict_log_proba"))
    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithms of the class probabilities of the best estimator.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        return self._ask("predict_log_proba", X)

    @available_if(_delegated("decision_function"))
    def decision_function(self, X: Any) -> Any:
        """Return the decision values of the best estimator.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        decision : ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        return self._ask("decision_function", X)

    @available_if(_delegated("score_samples"))
    def score_samples(self, X: Any) -> Any:
        """Return a score for each row, such as its log-likelihood, by the best estimator.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
        """
        return self._ask("score_samples", X)

    @available_if(_delegated("transform"))
    def transform(self, X: Any) -> Any:
        """Return rows transformed by the best estimator.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        Xt : ndarray or sparse matrix of shape (n_samples, n_transformed)
        """
        return self._ask("transform", X)

    @available_if(_delegated("inverse_transform"))
    def inverse_transform(self, X: Any) -> Any:
        """Return transformed rows turned back by the best estimator.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_transformed)
            What ``transform`` returned.

        Returns
        -------
        X_original : ndarray or sparse matrix of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        return self.best_estimator_.inverse_transform(X)

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
        return as_score(
            self._ranked_by, value[self._ranked_by] if isinstance(value, Mapping) else value
        )
