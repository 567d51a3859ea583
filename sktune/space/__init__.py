"""What may be tried: dimensions, whole spaces, and the space suggested for an estimator."""

from sktune.space.dimensions import Choice, Float, Int
from sktune.space.space import Space
from sktune.space.suggest import final_step, suggest_space

__all__ = ["Choice", "Float", "Int", "Space", "final_step", "suggest_space"]
