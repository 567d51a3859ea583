"""A search is read alike when it is fitted and when it is stored."""

import pickle

import pytest
from sklearn.datasets import load_iris

from sktune import MLPClassifier, SuccessiveHalvingSearchCV
from sktune.exceptions import InvalidSettingsError, StorageError
from sktune.report import SearchData, results
from sktune.report.tables import curves, progress, rungs, runs
from tests.report import made_up

X, Y = load_iris(return_X_y=True)


def fitted(**settings):
    search = SuccessiveHalvingSearchCV(
        MLPClassifier(), {"lr": [1e-3, 1e-2, 1e-1]}, sampler="grid", max_resources=3, cv=3,
        random_state=0, **settings
    )  # fmt: skip
    return search.fit(X, Y)


@pytest.mark.parametrize("scoring", [None, ["neg_log_loss", "accuracy"]])
def test_a_storage_tells_what_the_fitted_search_tells(scoring, tmp_path):
    refit = "accuracy" if scoring else True
    search = fitted(storage=tmp_path, scoring=scoring, refit=refit)
    found, stored = SearchData.of(search), SearchData.of(tmp_path)
    assert (found.metric, found.resource) == (stored.metric, stored.resource)
    assert found.metric == ("accuracy" if scoring else "score")
    for table in (results, curves, rungs, runs, progress):
        left, right = table(found), table(stored)
        assert left.to_dict("records") == right.to_dict("records")


def test_a_pickled_search_still_tells():
    search = fitted()
    again = pickle.loads(pickle.dumps(search))
    assert again.results_.equals(search.results_)


def test_what_has_no_results_is_refused(tmp_path):
    with pytest.raises(InvalidSettingsError, match="call fit"):
        SearchData.of(SuccessiveHalvingSearchCV(MLPClassifier()))
    with pytest.raises(StorageError, match=r"no journal\.jsonl"):
        SearchData.of(tmp_path)


def test_a_made_up_storage(tmp_path):
    stored = SearchData.of(made_up.stored(tmp_path / "here"))
    assert stored.name == "here"
    assert stored.history.records() == made_up.search().history.records()
