"""Which candidates to propose."""

from sktune.samplers.grid import GridSampler
from sktune.samplers.protocol import Sampler
from sktune.samplers.random import RandomSampler

__all__ = ["GridSampler", "RandomSampler", "Sampler"]
