"""Learning rates of a network for the steps of an epoch, from its own schedulers.

The networks' schedulers turn their own optimisers' settings, as they do when a network is alone;
the stack reads what they say. A schedule that is stepped by batch is run through the epoch
beforehand: none of those that can be stacked looks at a loss.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from skorch import NeuralNet
from skorch.callbacks import LRScheduler
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from sktune.stacking.updates import MOMENTA


class EpochRates(NamedTuple):
    """What the schedules say for an epoch.

    ``rates`` has the learning rate of each step, ``momenta`` what a schedule moves besides it,
    ``events`` what skorch's history records of each step.
    """

    rates: list[float]
    momenta: list[Mapping[str, Any]]
    events: Mapping[str, list[float]]


STILL = EpochRates([], [], {})
"""Of a network that is not trained."""


def batch_schedules(net: NeuralNet) -> Iterator[LRScheduler]:
    """Yield the schedules of a net that are stepped by batch."""
    for _, callback in net.callbacks_:
        if isinstance(callback, LRScheduler) and callback.step_every == "batch":
            yield callback


def momenta(optimizer: Optimizer) -> dict[str, Any]:
    """Return the settings of an optimiser that some schedules move besides the rate."""
    group = optimizer.param_groups[0]
    return {name: group[name] for name in MOMENTA if name in group}


def epoch_rates(net: NeuralNet, n_steps: int) -> EpochRates:
    """Return the learning rates of the next epoch, and move the schedules stepped by batch."""
    group, schedules = net.optimizer_.param_groups[0], list(batch_schedules(net))
    if not schedules:
        return EpochRates([group["lr"]] * n_steps, [momenta(net.optimizer_)] * n_steps, {})
    if len(schedules) == 1 and type(schedules[0].lr_scheduler_) is LambdaLR:
        return _lambda_rates(schedules[0], n_steps)
    found = EpochRates([], [], {s.event_name: [] for s in schedules if s.event_name})
    for _ in range(n_steps):
        found.rates.append(group["lr"])
        found.momenta.append(momenta(net.optimizer_))
        for schedule in schedules:
            if schedule.event_name:
                found.events[schedule.event_name].append(schedule.lr_scheduler_.get_last_lr()[0])
            schedule.lr_scheduler_.step()
            schedule.batch_idx_ += 1
    return found


def _lambda_rates(schedule: LRScheduler, n_steps: int) -> EpochRates:
    """Do what n steps of a LambdaLR do, at a hundredth of the cost."""
    scheduler = schedule.lr_scheduler_
    base, factor = scheduler.base_lrs[0], scheduler.lr_lambdas[0]
    first = scheduler.last_epoch
    group = scheduler.optimizer.param_groups[0]
    rates = [group["lr"], *(base * factor(first + step) for step in range(1, n_steps + 1))]
    scheduler.last_epoch = first + n_steps
    scheduler._step_count += n_steps
    scheduler._last_lr = [rates[-1]]
    group["lr"] = rates.pop()
    schedule.batch_idx_ += n_steps
    events = {schedule.event_name: rates} if schedule.event_name else {}
    return EpochRates(rates, [momenta(scheduler.optimizer)] * n_steps, events)
