"""The one loop: sampler -> schedule -> trainers through execution -> journal."""

from sktune.engine.loop import INTERRUPTED, Engine
from sktune.engine.problem import Problem, Rows
from sktune.engine.record import Record, Unrecorded
from sktune.engine.waves import Observer, Wave

__all__ = ["INTERRUPTED", "Engine", "Observer", "Problem", "Record", "Rows", "Unrecorded", "Wave"]
