"""Ready-made skorch estimators; they know nothing of searching."""

from sktune.nets.classifier import MLPClassifier
from sktune.nets.regressor import MLPRegressor
from sktune.nets.tabular import TabularNet

__all__ = ["MLPClassifier", "MLPRegressor", "TabularNet"]
