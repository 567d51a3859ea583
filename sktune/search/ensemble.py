"""The average of the best candidate's fold networks, in place of one refitted network."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, is_classifier


class _FoldEnsemble(BaseEstimator):
    """Fitted estimators, one per fold."""

    def __init__(self, estimators: Sequence[Any]) -> None:
        self.estimators = estimators

    def __sklearn_is_fitted__(self) -> bool:
        return True

    @property
    def n_features_in_(self) -> int:
        """Number of features seen in ``fit``."""
        n_features: int = self.estimators[0].n_features_in_
        return n_features

    @property
    def feature_names_in_(self) -> Any:
        """Names of the features seen in ``fit``, if there were any."""
        return self.estimators[0].feature_names_in_

    def _mean(self, method: str, X: Any) -> Any:
        return np.mean([getattr(e, method)(X) for e in self.estimators], axis=0)


class FoldEnsembleClassifier(ClassifierMixin, _FoldEnsemble):
    """Predicts with the mean of the probabilities of fitted classifiers.

    Parameters
    ----------
    estimators : sequence of classifiers
        Fitted, with the same classes.
    """

    @property
    def classes_(self) -> Any:
        """The class labels."""
        return self.estimators[0].classes_

    def predict_proba(self, X: Any) -> Any:
        """Return the mean probabilities, of shape (n_samples, n_classes)."""
        return self._mean("predict_proba", X)

    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithms of the mean probabilities."""
        return np.log(self.predict_proba(X))

    def predict(self, X: Any) -> Any:
        """Return the classes of the highest mean probability, or the labels above one half."""
        probabilities = self.predict_proba(X)
        if isinstance(self.classes_, list):
            return (probabilities > 0.5).astype(int)
        return self.classes_[probabilities.argmax(axis=1)]


class FoldEnsembleRegressor(RegressorMixin, _FoldEnsemble):
    """Predicts with the mean of the predictions of fitted regressors.

    Parameters
    ----------
    estimators : sequence of regressors
        Fitted on the same targets.
    """

    def predict(self, X: Any) -> Any:
        """Return the mean predictions, in the shape of the targets."""
        return self._mean("predict", X)


def fold_ensemble(estimators: Sequence[Any]) -> FoldEnsembleClassifier | FoldEnsembleRegressor:
    """Return the average of estimators, which are all classifiers or all regressors."""
    if is_classifier(estimators[0]):
        return FoldEnsembleClassifier(estimators)
    return FoldEnsembleRegressor(estimators)
