"""Ready-made skorch estimators; they know nothing of searching."""

from sktune.nets.base import ReadyNet
from sktune.nets.checks import SEEDS, is_seed
from sktune.nets.classifier import MLPClassifier
from sktune.nets.convnet import ConvNetClassifier
from sktune.nets.labels import plain_labels
from sktune.nets.regressor import MLPRegressor

__all__ = [
    "SEEDS",
    "MLPClassifier",
    "MLPRegressor",
    "ConvNetClassifier",
    "ReadyNet",
    "is_seed",
    "plain_labels",
]
