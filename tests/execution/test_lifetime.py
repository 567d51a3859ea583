"""How long workers and searches live."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from joblib import Parallel, delayed, parallel_config

from sktune.execution import Executor, lifetime
from sktune.execution.lifetime import called_for, end_with, stopping_in_order
from sktune.processes import Process

DEAD = Process.current()._replace(start=1)


def of_python(code, **options):
    path = os.pathsep.join(sys.path)
    return subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, **options
    )


class TestWorkers:
    def test_a_worker_ends_with_the_process_it_works_for(self):
        other = of_python("input()", stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        code = (
            "import time; from sktune.execution.lifetime import *; from sktune.processes import *\n"
            f"end_with(Process.of({other.pid}))\n"
            "print('ready', flush=True); time.sleep(60)"
        )
        worker = of_python(code, stdout=subprocess.PIPE)
        assert worker.stdout.readline()
        assert worker.poll() is None
        other.kill()
        # It is not asked for its status before.
        assert worker.wait(10) == 1
        worker.stdout.close()
        other.communicate()

    def test_the_searching_process_itself_is_not_watched(self, monkeypatch):
        monkeypatch.setattr(lifetime, "end_with", pytest.fail)
        assert called_for(Process.current(), lambda: 3) == 3

    def test_a_worker_is_watched_once(self, monkeypatch):
        looked = []
        monkeypatch.setattr(lifetime, "_outlive", looked.append)
        elsewhere = DEAD._replace(machine="elsewhere")
        for _ in range(3):
            assert called_for(elsewhere, lambda: 3) == 3
        assert looked == [elsewhere]
        end_with.cache_clear()

    def test_workers_of_scikit_learn_are_watched_too(self):
        Parallel(n_jobs=2)(delayed(abs)(job) for job in range(4))
        with Executor(n_jobs=2) as executor:
            executor.submit(abs, 1)
            executor.next()
            time.sleep(1)
        found = Parallel(n_jobs=2)(delayed(watchers)(0.2) for _ in range(2))
        assert len({pid for pid, _ in found}) == 2
        assert [n for _, n in found] == [1, 1]

    def test_a_search_in_a_worker_ends_with_its_own(self):
        with parallel_config("loky", n_jobs=2):
            found = Parallel()(delayed(searching)(job) for job in range(2))
        assert all(found)


def watchers(seconds):
    time.sleep(seconds)
    watching = [t for t in threading.enumerate() if t.name == lifetime.WATCH]
    return os.getpid(), len(watching)


def searching(job):
    with Executor(n_jobs=1):
        return any(t.name == lifetime.WATCH for t in threading.enumerate())


SIGNALS = [signal.SIGTERM, signal.SIGHUP]


class TestStopping:
    @pytest.mark.parametrize("number", SIGNALS)
    def test_a_signal_leaves_by_the_door(self, number):
        steps = []

        def search():
            with stopping_in_order():
                try:
                    signal.raise_signal(number)
                    steps.append("not reached")
                finally:
                    steps.append("cleared")

        with pytest.raises(SystemExit) as left:
            search()
        assert left.value.code == 128 + number
        assert steps == ["cleared"]
        assert signal.getsignal(number) is signal.SIG_DFL

    @pytest.mark.parametrize("number", SIGNALS)
    def test_a_signal_that_was_swallowed_is_heard_at_the_end(self, number):
        steps = []

        def search():
            with stopping_in_order():
                try:
                    signal.raise_signal(number)
                except BaseException:
                    steps.append("caught")
                steps.append("goes on")

        with pytest.raises(SystemExit):
            search()
        assert steps == ["caught", "goes on"]

    def test_a_handler_of_the_caller_is_left_alone(self):
        heard = []
        signal.signal(signal.SIGTERM, lambda *given: heard.append(given))
        try:
            with stopping_in_order():
                signal.raise_signal(signal.SIGTERM)
            assert len(heard) == 1
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def test_blocks_within_blocks(self):
        with pytest.raises(SystemExit), stopping_in_order(), stopping_in_order():
            signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL

    def test_in_a_thread_nothing_changes(self):
        found = []

        def look():
            with stopping_in_order():
                found.append(signal.getsignal(signal.SIGTERM))

        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        assert found == [signal.SIG_DFL]

    def test_without_a_signal_nothing_happens(self):
        with stopping_in_order():
            pass
        with pytest.raises(KeyError), stopping_in_order():
            raise KeyError

    def test_code_that_catches_everything_is_ended_in_time(self):
        code = """
import time
from sktune.execution import Executor, lifetime
lifetime._SECONDS_TO_STOP = 0.5
with lifetime.stopping_in_order():
    print("ready", flush=True)
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass
"""
        process = of_python(code, stdout=subprocess.PIPE)
        process.stdout.readline()
        start = time.perf_counter()
        process.terminate()
        assert process.wait(10) == 143
        assert time.perf_counter() - start < 10
        process.stdout.close()
