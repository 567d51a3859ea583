"""What may be tried: dimensions, whole spaces, and the space suggested for an estimator."""

from sktune.space.dimensions import Choice, Dimension, Float, Int, Quantiles
from sktune.space.space import Space, setting_key
from sktune.space.steps import final_step, inner_net, next_step
from sktune.space.suggest import suggest_space

__all__ = [
    "Choice",
    "Dimension",
    "Float",
    "Int",
    "Quantiles",
    "Space",
    "final_step",
    "inner_net",
    "next_step",
    "setting_key",
    "suggest_space",
]
