"""What makes a net a classifier: labels of any type, and answers with labels."""

from typing import Any, Self

import numpy.typing as npt
import torch
from sklearn.base import ClassifierMixin

from sktune.nets.labels import Labels, labels_for, plain_labels


class ClassTargets(ClassifierMixin):
    """The part of a ready-made net that knows of classes."""

    classes_: Any
    criterion_: Any
    _labels: Labels

    def predict_proba(self, X: Any) -> npt.NDArray[Any]:
        """Return the probability of each class, or of each label.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            In the order of ``classes_``, or of the columns of the targets.
        """
        outputs = torch.from_numpy(self._outputs(X))
        proba: npt.NDArray[Any] = self._labels.probabilities(outputs).numpy()
        return proba

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the most probable class of each row, or the labels more probable than not.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
        """
        outputs = self._outputs(X)
        return self._labels.decode(outputs)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of rows whose class, or all of whose labels, are predicted.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Their targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.

        Returns
        -------
        accuracy : float
        """
        return float(super().score(X, plain_labels(y), sample_weight))

    def initialize_criterion(self) -> Self:
        """Make the loss: the cross-entropy, of the classes or of each label."""
        self.criterion_ = self._labels.criterion(reduction="none")
        return self

    def _plain_target(self, y: Any) -> Any:
        return plain_labels(y)

    def _learn_target(self, y: npt.NDArray[Any], classes: Any, sample_weight: Any) -> None:
        self._labels = labels_for(y, classes)
        self.classes_, self.n_outputs_ = self._labels.classes, self._labels.n_outputs

    def _encode_target(self, y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return self._labels.encode(y, self._float)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
