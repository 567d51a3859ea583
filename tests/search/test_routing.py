"""scikit-learn's metadata routing, and parameters of fit without it."""

import numpy as np
import pytest
import sklearn
from sklearn.datasets import load_iris
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.fixes import parse_version

from sktune import MLPClassifier, SuccessiveHalvingSearchCV
from sktune.exceptions import AllRunsFailedError

X, Y = load_iris(return_X_y=True)
WEIGHT = np.random.RandomState(0).rand(150)
GROUPS = np.arange(150) % 3
SPACE = {"mlpclassifier__lr": [0.01, 0.05]}


def pipe(scaler=True, net=True):
    return make_pipeline(
        StandardScaler().set_fit_request(sample_weight=scaler),
        MLPClassifier(max_epochs=2, random_state=0).set_fit_request(sample_weight=net),
    )


@pytest.fixture(autouse=True)
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.mark.parametrize("scaler", [True, False])
@pytest.mark.parametrize("net", [True, False])
@pytest.mark.parametrize("weigh", [True, False])
def test_everything_goes_where_grid_search_sends_it(scaler, net, weigh):
    scorer = get_scorer("accuracy").set_score_request(sample_weight=weigh)
    settings = {"cv": GroupKFold(3), "scoring": scorer}
    given = {"sample_weight": WEIGHT, "groups": GROUPS} if scaler or net or weigh else {}
    given = given or {"groups": GROUPS}
    ours = SuccessiveHalvingSearchCV(
        pipe(scaler, net), SPACE, sampler="grid", max_resources=2, random_state=0, **settings
    ).fit(X, Y, **given)
    oracle = GridSearchCV(pipe(scaler, net), SPACE, **settings).fit(X, Y, **given)
    for fold in range(3):
        name = f"split{fold}_test_score"
        assert ours.cv_results_[name].tolist() == oracle.cv_results_[name].tolist()
    assert np.array_equal(ours.predict_proba(X), oracle.predict_proba(X))
    assert ours.score(X, Y) == oracle.score(X, Y)


def test_the_scorer_of_score_is_given_its_metadata():
    scorer = get_scorer("accuracy").set_score_request(sample_weight=True)
    search = SuccessiveHalvingSearchCV(pipe(), SPACE, max_resources=2, cv=3, scoring=scorer)
    search.fit(X, Y, sample_weight=WEIGHT)
    correct = search.predict(X) == Y
    expected = np.average(correct, weights=WEIGHT)
    assert search.score(X, Y, sample_weight=WEIGHT) == pytest.approx(expected)


@pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.9"),
    reason="Pipeline.score routes no metadata in older versions of scikit-learn",
)
def test_without_a_scorer_the_pipelines_own_score_judges_the_metadata():
    net = pipe(False, False)
    search = SuccessiveHalvingSearchCV(net, SPACE, max_resources=2, cv=3)
    with pytest.raises(
        AllRunsFailedError, match="not explicitly set as requested or not requested"
    ):
        search.fit(X, Y, sample_weight=WEIGHT)
    net[-1].set_score_request(sample_weight=True)
    search.fit(X, Y, sample_weight=WEIGHT)
    oracle = GridSearchCV(net.set_params(**search.best_params_), {}, cv=3)
    oracle.fit(X, Y, sample_weight=WEIGHT)
    assert search.best_score_ == oracle.best_score_
