"""Law 10: scikit-learn's own checks, on searches over our nets and over a user's."""

from sklearn.linear_model import RidgeClassifier, SGDClassifier, SGDRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from sktune import (
    AsyncHalvingSearchCV,
    HyperbandSearchCV,
    MLPClassifier,
    MLPRegressor,
    SuccessiveHalvingSearchCV,
)
from tests.user_nets import ShapeSetter, classifier, regressor


def expected_failures(search):
    # A user's skorch regressor takes columns as they are; all other searches pass all checks.
    # GridSearchCV has this check in scikit-learn's own list of expected failures.
    is_users = type(search.estimator).__name__ == "NeuralNetRegressor"
    return {"check_supervised_y_2d": "DataConversionWarning not caught"} if is_users else {}


def search(net, width):
    return SuccessiveHalvingSearchCV(
        net,
        {width: [16, 32]},
        max_resources=16,
        n_candidates=2,
        factor=2,
        cv=2,
        error_score="raise",
        random_state=0,
    )


@parametrize_with_checks(
    [
        search(MLPClassifier(lr=0.01), "width"),
        search(MLPRegressor(lr=0.01), "width"),
        search(classifier(batch_size=128, callbacks=[ShapeSetter()]), "module__width"),
        search(regressor(lr=0.05, callbacks=[ShapeSetter()]), "module__width"),
        HyperbandSearchCV(
            SGDClassifier(random_state=0),
            {"alpha": [1e-5, 1e-4, 1e-3]},
            max_resources=9,
            cv=2,
            error_score="raise",
        ),
        AsyncHalvingSearchCV(
            SGDRegressor(random_state=0),
            {"alpha": [1e-5, 1e-4]},
            n_candidates=2,
            factor=2,
            max_resources=16,
            cv=2,
            error_score="raise",
        ),
        SuccessiveHalvingSearchCV(
            RidgeClassifier(),
            {"alpha": [0.1, 1.0]},
            n_candidates=2,
            factor=2,
            cv=2,
            error_score="raise",
        ),
    ],
    expected_failed_checks=expected_failures,
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)
