"""Which candidates to propose."""

from sktune.samplers.choice import SAMPLERS, is_sampler, learns, sampler_for
from sktune.samplers.grid import GridSampler
from sktune.samplers.protocol import Sampler
from sktune.samplers.random import RandomSampler
from sktune.samplers.sobol import SobolSampler

__all__ = [
    "SAMPLERS",
    "GridSampler",
    "RandomSampler",
    "Sampler",
    "SobolSampler",
    "is_sampler",
    "learns",
    "sampler_for",
]
