"""A search that nobody keeps is the same search."""

import numpy as np
from sklearn.datasets import load_iris

from sktune import MLPClassifier, SuccessiveHalvingSearchCV
from sktune.candidates import Run
from sktune.engine.record import Unrecorded

X, Y = load_iris(return_X_y=True)


def test_nothing_is_known_of_what_was_not_kept():
    record = Unrecorded()
    record.refitted(0, 9, b"a snapshot")
    record.reached([], {Run(0, 0): b"another"})
    assert record.refit_of(0, 9) is None
    assert list(record.kept(Run(0, 0))) == []
    assert list(record.past) == []


def test_whether_it_is_kept_changes_no_result(tmp_path):
    found = [
        SuccessiveHalvingSearchCV(
            MLPClassifier(random_state=0),
            {"lr": [0.001, 0.01, 0.1]},
            max_resources=3,
            cv=2,
            random_state=0,
            storage=storage,
        ).fit(X, Y)
        for storage in (None, tmp_path / "kept")
    ]
    scores = [search.cv_results_["mean_test_score"] for search in found]
    assert np.array_equal(*scores)
    assert np.array_equal(*(search.predict_proba(X) for search in found))
