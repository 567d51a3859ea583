"""Ready-made skorch estimators; they know nothing of searching."""

from sktune.nets.checks import SEEDS, is_seed
from sktune.nets.classifier import MLPClassifier
from sktune.nets.regressor import MLPRegressor
from sktune.nets.tabular import TabularNet

__all__ = ["SEEDS", "MLPClassifier", "MLPRegressor", "TabularNet", "is_seed"]
