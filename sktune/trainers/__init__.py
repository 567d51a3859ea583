"""Trainers advance runs: networks in stacks or alone, and whatever else can be fitted."""

from sktune.trainers.estimators import PassTrainer, RefitTrainer, SampleTrainer
from sktune.trainers.trainer import SoloTrainer, StackedTrainer, Trainer

__all__ = [
    "PassTrainer",
    "RefitTrainer",
    "SampleTrainer",
    "SoloTrainer",
    "StackedTrainer",
    "Trainer",
]
