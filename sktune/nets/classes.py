"""What makes a net a classifier: labels of any type, and answers with labels."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d
from torch import nn


class ClassTargets(ClassifierMixin):
    """The part of a ready-made net that knows of classes."""

    criterion = nn.CrossEntropyLoss

    classes_: npt.NDArray[Any]

    def predict_proba(self, X: Any) -> npt.NDArray[Any]:
        """Return the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        outputs = torch.from_numpy(self._outputs(X))
        proba: npt.NDArray[Any] = torch.softmax(outputs, dim=1).numpy()
        return proba

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the most probable class label of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,)
        """
        codes = self._outputs(X).argmax(axis=1)
        labels: npt.NDArray[Any] = self.classes_[codes]
        return labels

    def _learn_target(self, y: npt.NDArray[Any], classes: Any, sample_weight: Any) -> None:
        check_classification_targets(y)
        self.classes_ = np.unique(column_or_1d(y) if classes is None else classes)
        self.n_outputs_ = len(self.classes_)

    def _encode_target(self, y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        labels = column_or_1d(y, warn=True)
        codes: npt.NDArray[Any] = np.searchsorted(self.classes_, labels).clip(
            max=len(self.classes_) - 1
        )
        unknown = np.unique(labels[self.classes_[codes] != labels])
        if len(unknown):
            raise ValueError(
                f"`y` holds the labels {unknown.tolist()}, which are not among the classes "
                f"{self.classes_.tolist()}: give all of them as `classes` in the first call."
            )
        return codes
