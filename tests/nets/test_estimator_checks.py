from sklearn.utils.estimator_checks import parametrize_with_checks

from sktune import MLPClassifier, MLPRegressor


@parametrize_with_checks([MLPClassifier(), MLPRegressor()])
def test_scikit_learns_checks(estimator, check):
    check(estimator)
