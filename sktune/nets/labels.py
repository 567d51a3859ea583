"""What a classifier is told: one class for each row, or any number of labels."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.sparse import issparse
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d
from torch import nn

Array = npt.NDArray[Any]


class OneClass:
    """One of several classes for each row.

    Parameters
    ----------
    classes : ndarray
        All of them, sorted.
    """

    criterion = nn.CrossEntropyLoss

    def __init__(self, classes: Array) -> None:
        self.classes, self.n_outputs = classes, len(classes)

    def encode(self, y: Array, dtype: Any) -> Array:
        """Return the codes 0, 1, 2, ..., whatever the type of the loss; refuse other labels."""
        labels = column_or_1d(y, warn=True)
        codes: Array = np.searchsorted(self.classes, labels).clip(max=len(self.classes) - 1)
        unknown = np.unique(labels[self.classes[codes] != labels])
        if len(unknown):
            raise ValueError(
                f"`y` holds the labels {unknown.tolist()}, which are not among the classes "
                f"{self.classes.tolist()}: give all of them as `classes` in the first call."
            )
        return codes

    def probabilities(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return the probability of each class."""
        return torch.softmax(outputs, dim=1)

    def decode(self, outputs: Array) -> Array:
        """Return the most probable class of each row."""
        labels: Array = self.classes[outputs.argmax(axis=1)]
        return labels


class ManyLabels:
    """Any number of labels for each row.

    Parameters
    ----------
    y : ndarray of shape (n_samples, n_labels)
        A column for each label: 1 for rows that have it, else 0.
    """

    criterion = nn.BCEWithLogitsLoss

    def __init__(self, y: Array) -> None:
        self.n_outputs, self._dtype = y.shape[1], y.dtype
        # Of one label or of two, scikit-learn's scorers would take a plain array for the classes
        # of a binary problem, and drop a column of the probabilities.
        self.classes = [np.array([0, 1])] * self.n_outputs

    def encode(self, y: Array, dtype: Any) -> Array:
        """Return the indicator matrix as numbers; other numbers than 0 and 1 are refused."""
        if y.ndim != 2 or y.shape[1] != self.n_outputs:
            raise ValueError(
                f"`y` has the shape {y.shape}, but the net has been told {self.n_outputs} labels "
                "for each row: give an indicator matrix with a column for each."
            )
        if not np.isin(y, (0, 1)).all():
            raise ValueError(
                f"`y` holds the numbers {np.unique(y)[:5].tolist()}: an indicator matrix of labels "
                "has 1 where a row has the label of the column, else 0."
            )
        return y.astype(dtype)

    def probabilities(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return the probability of each label."""
        return torch.sigmoid(outputs)

    def decode(self, outputs: Array) -> Array:
        """Return the labels that are more probable than not, as an indicator matrix."""
        return (outputs > 0).astype(self._dtype)


Labels = OneClass | ManyLabels


def labels_for(y: Array, classes: Any) -> Labels:
    """Return what targets mean; ``classes`` are all classes, None if they are those of ``y``."""
    kind = type_of_target(y)
    if kind == "multilabel-indicator":
        return ManyLabels(y)
    if kind == "multiclass-multioutput":
        raise ValueError(
            f"`y` has {y.shape[1]} columns with more than two values: a classifier predicts one "
            "class for each row, or labels, as a matrix of 0 and 1. For several classes for each "
            "row use sklearn.multioutput.MultiOutputClassifier."
        )
    check_classification_targets(y)
    return OneClass(np.unique(column_or_1d(y) if classes is None else plain_labels(classes)))


def plain_labels(y: Any) -> Any:
    """Return labels as an array of one type where they are bools or sparse, else as they are.

    >>> plain_labels(np.array([True, False], dtype=object))
    array([ True, False])
    """
    if issparse(y):
        return y.toarray()
    if not hasattr(y, "dtype"):
        return y
    array = np.asarray(y)
    is_bool = array.dtype == object and all(isinstance(v, bool | np.bool_) for v in array.flat)
    return array.astype(bool) if array.size and (is_bool or array.dtype == bool) else y
