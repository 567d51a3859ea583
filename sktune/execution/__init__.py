"""Run jobs through joblib and hand their results back as they come; a failure is a value."""

from sktune.execution.executor import Executor
from sktune.execution.files import dump
from sktune.execution.interrupts import noticed_interrupts
from sktune.execution.lifetime import stopping_in_order

__all__ = ["Executor", "dump", "noticed_interrupts", "stopping_in_order"]
