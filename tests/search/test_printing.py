"""What ``verbose`` prints: no long silence, and nothing twice."""

import pytest

from sktune.candidates import Advance, History, Report
from sktune.engine.waves import Wave
from sktune.schedules import Plan
from sktune.search.printing import LivePrinter, RungPrinter


@pytest.fixture
def clock():
    class Clock:
        now = 0.0

        def __call__(self):
            return self.now

    return Clock()


def begun(printer, n_candidates=4, n_folds=2):
    history = History()
    wave = Wave([Advance(c, 0, 0, 3, n_folds) for c in range(n_candidates)], history)
    printer.wave_begins(wave)
    return wave


def report(run, end_time):
    return Report(*run, 0, 0, 3, score=0.5, end_time=end_time, n_folds=2)


def test_a_rung_that_takes_long_says_how_far_it_is(clock, capsys):
    printer = RungPrinter(Plan.of([4, 2], [3, 6]), "epochs", clock)
    wave = begun(printer)
    assert capsys.readouterr().out == "rung 0:    4 candidates at    3 epochs on 2 folds, begun\n"
    for run, _ in wave.due[:4]:
        clock.now += 6
        printer.run_ends(wave, report(run, clock.now))
    lines = capsys.readouterr().out.splitlines()
    # at 12 s and at 24 s; 36 epochs of all runs take 72 s at that speed
    assert lines == [
        "rung 0:    1 of 4 candidates, 12 s so far, about 1 min 0 s left",
        "rung 0:    2 of 4 candidates, 24 s so far, about 48 s left",
    ]


def test_a_rung_that_is_quick_says_nothing_between(clock, capsys):
    printer = RungPrinter(Plan.of([4, 2], [3, 6]), "epochs", clock)
    wave = begun(printer)
    capsys.readouterr()
    for run, _ in wave.due:
        clock.now += 0.1
        printer.run_ends(wave, report(run, clock.now))
    assert capsys.readouterr().out == ""


def test_the_refit_is_told(clock, capsys):
    RungPrinter(Plan.of([1], [3]), "epochs", clock).refit_begins(7)
    assert capsys.readouterr().out == "refit of candidate 7 on all rows\n"


def test_a_terminal_gets_a_table_that_says_what_is_done():
    class Screen:
        shown = []

        def show(self, data, note=""):
            self.shown.append((len(data.history.reports), data.is_running, note))

    live = LivePrinter(Screen(), Plan.of([4, 2], [3, 6]), "epochs")
    wave = begun(live)
    for number, (run, _) in enumerate(wave.due):
        live.run_ends(wave, report(run, number + 1.0))
    live.refit_begins(2)
    live.end()
    assert Screen.shown[0] == (0, True, "training 4 candidates to 3 epochs")
    assert Screen.shown[1] == (1, True, "training rung 0")
    # what follows at once is not shown one by one
    assert len(Screen.shown) < 8
    assert Screen.shown[-2:] == [(8, True, "refit of candidate 2 on all rows"), (8, False, "")]
