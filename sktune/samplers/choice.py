"""From what a user writes as ``sampler`` to a sampler."""

from typing import Any

from sktune.exceptions import InvalidSettingsError
from sktune.samplers.grid import GridSampler
from sktune.samplers.protocol import Sampler
from sktune.samplers.random import RandomSampler
from sktune.samplers.sobol import SobolSampler
from sktune.space import Space

SAMPLERS = ("random", "grid", "sobol", "tpe", "gp", "cma")
_MODELS = ("tpe", "gp", "cma")


def sampler_for(given: Any, space: Space, seed: int) -> Sampler:
    """Return the sampler that is named, an object of the user's own, or one around Optuna's.

    Raises
    ------
    InvalidSettingsError
        If Optuna is needed and not installed, or the sampler cannot use the space.
    """
    if _is_optunas(given) or given in _MODELS:
        return _model(given, space, seed)
    if not isinstance(given, str):
        own: Sampler = given
        return own
    if given == "grid":
        return GridSampler(space)
    return (SobolSampler if given == "sobol" else RandomSampler)(space, seed)


def learns(given: Any) -> bool:
    """Whether a sampler makes use of results."""
    if isinstance(given, str):
        return given in _MODELS
    return bool(getattr(given, "learns", True))


def is_sampler(given: Any) -> bool:
    """Whether this can be the ``sampler`` of a search."""
    if isinstance(given, str):
        return given in SAMPLERS
    return hasattr(given, "propose") or _is_optunas(given)


def _is_optunas(given: Any) -> bool:
    return hasattr(given, "sample_relative") and hasattr(given, "sample_independent")


def _model(given: Any, space: Space, seed: int) -> Sampler:
    try:
        from sktune.samplers.model import MODELS, ModelSampler

        if given == "cma":
            import cmaes  # noqa: F401  Optuna asks for it when it is too late
    except ImportError as error:
        raise InvalidSettingsError(
            f"`sampler`={given!r} needs Optuna: install it by pip install 'sktune[optuna]', or "
            "use 'random' or 'sobol'."
        ) from error
    return ModelSampler(space, seed, MODELS[given] if isinstance(given, str) else given)
