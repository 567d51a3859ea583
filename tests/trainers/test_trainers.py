from sktune.trainers import SoloTrainer, StackedTrainer
from tests.trainers.laws import TrainerLaws


class TestSolo(TrainerLaws):
    trainer = SoloTrainer()


class TestStacked(TrainerLaws):
    trainer = StackedTrainer()
