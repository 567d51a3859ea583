"""Searches in stacks and one network at a time: the same answers, and what is told of them."""

import numpy as np
import pytest
from scipy.stats import loguniform
from sklearn.datasets import load_digits, load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktune import ConvNetClassifier, MLPClassifier, SuccessiveHalvingSearchCV
from sktune.exceptions import InvalidSettingsError
from tests.user_nets import classifier

X, Y = load_iris(return_X_y=True)
SPACE = {
    "mlpclassifier__lr": loguniform(1e-3, 1e-1),
    "mlpclassifier__weight_decay": loguniform(1e-6, 1e-2),
    "mlpclassifier__width": [8, 16],
}


def search(stacking, **settings):
    settings = {"n_candidates": 9, "max_resources": 9, "cv": 3, "random_state": 0, **settings}
    pipe = make_pipeline(StandardScaler(), MLPClassifier())
    return SuccessiveHalvingSearchCV(pipe, SPACE, stacking=stacking, **settings)


@pytest.mark.parametrize("scoring", ["neg_log_loss", "roc_auc_ovr"])
def test_without_dropout_scores_are_those_of_networks_alone(scoring):
    found = [search(s, scoring=scoring, refit=False).fit(X, Y) for s in ("auto", False, 4)]
    for other in found[1:]:
        assert other.best_params_ == found[0].best_params_
        scores = [s.cv_results_["mean_test_score"] for s in (found[0], other)]
        assert np.allclose(*scores, atol=1e-4)


def test_what_was_stacked_is_told():
    told = search("auto").fit(X, Y).stacking_
    assert told["stacked"] == 27
    assert told["solo"] == 0
    assert told["reasons"] == {}
    assert told["mean_size"] > 3
    alone = search(False).fit(X, Y).stacking_
    assert alone["stacked"] == 0
    assert alone["reasons"] == {"`stacking`=False": 27}
    bounded = search(2).fit(X, Y)
    assert max(record["stack_size"] for record in bounded.history_) == 2


def test_why_networks_were_not_stacked_is_told():
    net = classifier(iterator_train__num_workers=0)
    settings = {"n_candidates": 3, "max_resources": 3, "cv": 2, "random_state": 0}
    found = SuccessiveHalvingSearchCV(net, {"lr": [0.1, 0.01, 0.001]}, **settings).fit(X, Y)
    assert found.stacking_["reasons"] == {"it loads mini-batches in its own way": 6}


@pytest.mark.parametrize("stacking", [True, 0, -1, 2.5, "always", None])
def test_bad_settings_are_refused(stacking):
    with pytest.raises(InvalidSettingsError, match="`stacking`="):
        search(stacking).fit(X, Y)


def test_images_are_searched_in_stacks():
    digits = load_digits()
    images, y = digits.images[:300] / 16, digits.target[:300]
    space = {"filters": [2, 4], "kernel_size": [3, 5], "lr": [0.003, 0.01]}
    found = SuccessiveHalvingSearchCV(
        ConvNetClassifier(batch_size=16), space, max_resources=9, cv=3, random_state=0
    ).fit(images, y)
    assert found.stacking_["solo"] == 0
    assert found.best_score_ > 0.8
    assert found.predict(images).shape == (300,)
