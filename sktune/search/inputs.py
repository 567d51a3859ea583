"""Rows and targets as ``fit`` is given them, checked before anything else is done with them."""

from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import assert_all_finite, get_tags, indexable
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _num_samples, column_or_1d

from sktune.nets import plain_labels
from sktune.runs import is_raw
from sktune.space import final_step


def checked_inputs(search: Any, X: Any, y: Any) -> tuple[Any, Any]:
    """Return rows and targets of one length, of which there are some.

    Raises
    ------
    ValueError
        scikit-learn's, of what no estimator of this kind could take.
    """
    if y is None and get_tags(search.estimator).target_tags.required:
        raise ValueError(
            f"This {type(search).__name__} estimator requires y to be passed, "
            "but the target y is None."
        )
    X, y = indexable(X, y)
    if not _num_samples(X):
        raise ValueError(
            "Found array with 0 sample(s) while a minimum of 1 is required. "
            "min_resources_=0: you might have passed an empty dataset X."
        )
    return X, _checked_target(search.estimator, y)


def listed_numbers(X: Any) -> Any:
    """Return lists of numbers as an array, which skorch would take for several inputs.

    >>> listed_numbers([[1, 2], [3, 4]])
    array([[1, 2],
           [3, 4]])
    >>> listed_numbers(["a", "b"])
    ['a', 'b']
    """
    if not isinstance(X, list):
        return X
    try:
        array = np.asarray(X)
    except ValueError:  # rows of different lengths, or several inputs
        return X
    return array if array.dtype.kind in "iubf" else X


def _checked_target(estimator: Any, y: Any) -> Any:
    is_net, classifies = is_raw(final_step(estimator)[1]), is_classifier(estimator)
    y = plain_labels(y) if classifies else y
    # A user's net may be told a class for each pixel, probabilities, or what its loss masks.
    is_free = is_net and (not classifies or _is_wide(y))
    if np.asarray(y).dtype.kind == "f" and not is_free:
        assert_all_finite(y, input_name="y")
    if classifies and not is_free:
        check_classification_targets(y)
        is_column = np.ndim(y) == 2 and np.shape(y)[1] == 1
        return column_or_1d(y, warn=True) if is_column else y
    return y


def _is_wide(y: Any) -> bool:
    return np.ndim(y) > 1 and np.shape(y)[1] > 1
