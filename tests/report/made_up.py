"""Searches whose scores are made up, with known answers, as data and as storages."""

import math

import numpy as np

from sktune.candidates import Advance, History, Propose, Report, Stop
from sktune.journal import Begun, Header, Proposed, Reached, Stopped, Storage
from sktune.report import SearchData
from sktune.schedules import SideBySide, SuccessiveHalving, hyperband_brackets

N_FOLDS = 5


def digits_like(params, n_resources, fold, rng):
    """Return a score that rises with training, and falls far from the best learning rate."""
    off = abs(math.log10(params["net__lr"]) + 2.3)
    top = 0.97 - 0.05 * off**2 - 0.05 * params["net__dropout"] ** 2
    speed = 0.25 + 2 * params["net__lr"] ** 0.25
    value = top * (1 - 0.8 * math.exp(-speed * n_resources**0.5)) - 0.01 * (fold - 2) / 2
    return value + rng.normal(0, 0.006)


def draw(rng):
    """Return a candidate of a space like that of a perceptron."""
    return {
        "net__lr": float(10 ** rng.uniform(-4, 0)),
        "net__dropout": float(rng.uniform(0, 0.5)),
        "net__width": int(rng.choice([32, 64, 128, 256])),
        "net__activation": str(rng.choice(["relu", "tanh", "gelu"])),
    }


def halving(n_candidates, max_resources=27, n_folds=N_FOLDS):
    return SuccessiveHalving.of(
        n_candidates, factor=3, min_resources=1, max_resources=max_resources, n_folds=n_folds
    )


def hyperband(max_resources=27):
    return SideBySide(
        hyperband_brackets(factor=3, min_resources=1, max_resources=max_resources, n_folds=N_FOLDS)
    )


def events(schedule, score=digits_like, draw=draw, seed=0, fails=lambda candidate: False):
    """Yield what happens in a search, as a journal tells it, and leave the history complete."""
    rng, history, now = np.random.default_rng(seed), History(), 0.0
    while True:
        actions = schedule.decide(history)
        for action in actions:
            if isinstance(action, Stop):
                return
            if isinstance(action, Propose):
                settings = [draw(rng) for _ in range(action.n_candidates)]
                for params in settings:
                    history.propose(params, action.bracket)
                yield Proposed(action.bracket, settings)
        advances = [action for action in actions if isinstance(action, Advance)]
        for bracket in sorted({advance.bracket for advance in advances}):
            wave = [advance for advance in advances if advance.bracket == bracket]
            for advance in wave:
                history.begin(advance)
            yield Begun(wave)
            for advance in wave:
                now += 0.01 * advance.n_resources
                reports = [
                    reported(history, advance, k, score, rng, now, fails)
                    for k in range(advance.n_folds)
                ]
                for report in reports:
                    history.add(report)
                yield Reached(reports)


def reported(history, advance, fold, score, rng, now, fails):
    params = history.candidates[advance.candidate_id].params
    failed = fails(advance.candidate_id)
    value = math.nan if failed else score(params, advance.n_resources, fold, rng)
    return Report(
        advance.candidate_id,
        fold,
        advance.bracket,
        advance.rung,
        advance.n_resources,
        score=value,
        scores={} if failed else {"accuracy": value},
        n_parameters=1000,
        fit_time=0.01 * advance.n_resources,
        end_time=now,
        status="failed" if failed else "ok",
        error="ValueError: no <b>luck</b>" if failed else "",
        n_folds=advance.n_folds,
    )


def search(schedule=None, n_events=None, **settings):
    """Return a search as data, or as far as it is after some events."""
    from sktune.journal import replay

    schedule = halving(27) if schedule is None else schedule
    history = History()
    for number, event in enumerate(events(schedule, **settings)):
        if n_events is not None and number >= n_events:
            break
        replay(event, history)
    return SearchData("made up", history, schedule.plan, "epochs", "accuracy")


def stored(folder, schedule=None, **settings):
    """Write the journal of a search, and return its directory."""
    schedule = halving(27) if schedule is None else schedule
    header = Header({}, 0, "epochs", N_FOLDS, [dict(row) for row in schedule.plan])
    with Storage(folder, header) as storage:
        for event in events(schedule, **settings):
            storage.write(event)
        storage.write(Stopped("finished"))
    return folder
