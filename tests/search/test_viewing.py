"""What a fitted search shows of itself."""

import pytest
from sklearn import config_context
from sklearn.datasets import load_iris

from sktune import MLPClassifier, SuccessiveHalvingSearchCV

X, Y = load_iris(return_X_y=True)


def search(**settings):
    return SuccessiveHalvingSearchCV(
        MLPClassifier(), {"lr": [1e-3, 1e-2, 1e-1]}, sampler="grid", max_resources=3, cv=3,
        random_state=0, **settings
    )  # fmt: skip


def test_results_has_the_best_first():
    found = search().fit(X, Y)
    first = found.results_.iloc[0]
    assert first["score"] == found.best_score_
    assert first["lr"] == found.best_params_["lr"]
    assert len(found.results_) == 3


def test_there_are_none_before_fit():
    with pytest.raises(AttributeError, match=r"call fit\(X, y\) first"):
        _ = search().results_
    assert not hasattr(search(), "results_")


def test_the_diagram_is_followed_by_what_was_found():
    assert "sktune-results" not in search()._repr_html_()
    found = search().fit(X, Y)
    html = found._repr_html_()
    assert html.index("sk-container") < html.index("sktune-results")
    assert f"{found.best_score_:.4f}" in html
    assert found._repr_mimebundle_()["text/html"].count("sktune-results") == html.count(
        "sktune-results"
    )
    with config_context(display="text"):
        assert not hasattr(found, "_repr_html_")


def test_optimism_is_of_the_score_that_is_told():
    found = search().fit(X, Y)
    assert found.optimism_.best_score == pytest.approx(found.best_score_)
    several = search(scoring=["accuracy", "f1_macro"], refit=False).fit(X, Y)
    assert not hasattr(several, "optimism_")
