from sklearn.utils.estimator_checks import parametrize_with_checks

from sktune import ConvNetClassifier, MLPClassifier, MLPRegressor


@parametrize_with_checks([MLPClassifier(), MLPRegressor(), ConvNetClassifier()])
def test_scikit_learns_checks(estimator, check):
    check(estimator)
