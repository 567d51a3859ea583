"""Law 8: a search goes on where it was, as if it had never stopped, or says why it cannot."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import loguniform
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import KFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import sktune
from sktune import (
    AsyncHalvingSearchCV,
    HyperbandSearchCV,
    MLPClassifier,
    SuccessiveHalvingSearchCV,
    read_storage,
)
from sktune.exceptions import DamagedSnapshotWarning, InvalidSettingsError, StorageError
from sktune.journal import read_journal
from tests.user_nets import Raises, classifier

X, Y = load_iris(return_X_y=True)
PIPE = make_pipeline(StandardScaler(), MLPClassifier(depth=1, width=16, random_state=0))
SPACE = {"mlpclassifier__lr": loguniform(1e-3, 1e-1), "mlpclassifier__dropout": [0.0, 0.2]}
SETTINGS = {"max_resources": 9, "cv": 3, "random_state": 0}


def halving(storage, estimator=PIPE, space=SPACE, **settings):
    settings = {**SETTINGS, "n_candidates": 9, "refit": False, **settings}
    return SuccessiveHalvingSearchCV(estimator, space, storage=storage, **settings)


def found(search):
    columns = search.cv_results_.items()
    return repr({n: np.asarray(v).tolist() for n, v in columns if "time" not in n})


class StopAfterError(Exception):
    pass


def interrupted(search, monkeypatch, n_stacks, error=KeyboardInterrupt):
    """Fit until some stacks have been trained."""
    trainer = sktune.trainers.StackedTrainer
    if search.stacking is False:
        trainer = sktune.trainers.SoloTrainer
    advance, done = trainer.advance, []

    def limited(self, jobs):
        if len(done) == n_stacks:
            raise error
        done.append(jobs)
        return advance(self, jobs)

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "advance", limited)
        with pytest.raises(error):
            search.fit(X, Y)
    return search


SEARCHES = {
    "halving": lambda s: halving(s),
    "solo": lambda s: halving(s, stacking=False),
    "growing folds": lambda s: halving(s, fold_schedule="grow"),
    "refit": lambda s: halving(s, refit=True),
    "ensemble": lambda s: halving(s, refit=True, ensemble=True),
    "sobol": lambda s: halving(s, sampler="sobol"),
    "steps": lambda s: halving(
        s, space={"standardscaler": [StandardScaler(), MinMaxScaler(), "passthrough"], **SPACE}
    ),
    "hyperband": lambda s: HyperbandSearchCV(PIPE, SPACE, storage=s, refit=False, **SETTINGS),
    "tpe": lambda s: HyperbandSearchCV(
        PIPE, SPACE, storage=s, sampler="tpe", refit=False, **SETTINGS
    ),
    "asynchronous": lambda s: AsyncHalvingSearchCV(
        PIPE, SPACE, storage=s, n_candidates=9, refit=False, **SETTINGS
    ),
}


class TestGoingOn:
    @pytest.mark.parametrize("kind", SEARCHES)
    def test_the_result_is_that_of_a_search_that_never_stopped(self, kind, tmp_path, monkeypatch):
        make = SEARCHES[kind]
        clean = make(None).fit(X, Y)
        for n_stacks in (0, 1, 2):
            interrupted(make(tmp_path), monkeypatch, n_stacks)
        search = make(tmp_path).fit(X, Y)
        assert found(search) == found(clean)
        assert search.stop_reason_ == "finished"
        if search.refit:
            np.testing.assert_array_equal(search.predict_proba(X), clean.predict_proba(X))

    def test_a_finished_search_trains_nothing(self, tmp_path, monkeypatch):
        first = halving(tmp_path, refit=True).fit(X, Y)

        def fail(self, *jobs):
            pytest.fail("it trains")

        monkeypatch.setattr(sktune.trainers.StackedTrainer, "advance", fail)
        monkeypatch.setattr(sktune.trainers.StackedTrainer, "refit", fail)
        start = time.perf_counter()
        again = halving(tmp_path, refit=True).fit(X, Y)
        assert time.perf_counter() - start < 2
        assert found(again) == found(first)
        np.testing.assert_array_equal(again.predict_proba(X), first.predict_proba(X))

    def test_what_changes_no_result_may_differ(self, tmp_path, monkeypatch, capsys):
        clean = halving(None).fit(X, Y)
        interrupted(halving(tmp_path), monkeypatch, 2)
        search = halving(
            tmp_path, n_jobs=2, verbose=1, time_budget=1e6, run_timeout=1e3, max_retries=0
        )
        assert found(search.fit(X, Y)) == found(clean)
        told = [line for line in capsys.readouterr().out.splitlines() if "best score" in line]
        assert [line.split(":")[0] for line in told] == ["rung 0", "rung 1", "rung 2"]

    def test_at_the_end_of_the_time_it_can_be_gone_on_with(self, tmp_path):
        clean = halving(None).fit(X, Y)
        for _ in range(40):
            try:
                search = halving(tmp_path, stacking=2, time_budget=0.05).fit(X, Y)
            except sktune.exceptions.AllRunsFailedError:
                continue  # not even the first rung
            if search.stop_reason_ == "finished":
                break
        assert search.stop_reason_ == "finished"
        times = [n for _, e in read_journal(tmp_path).events for n in [type(e).__name__]]
        assert times.count("Stopped") > 1
        np.testing.assert_allclose(
            search.cv_results_["mean_test_score"], clean.cv_results_["mean_test_score"]
        )

    def test_without_a_seed_that_of_the_storage_is_taken(self, tmp_path, monkeypatch):
        interrupted(halving(tmp_path, random_state=None), monkeypatch, 1)
        search = halving(tmp_path, random_state=None).fit(X, Y)
        again = halving(tmp_path, random_state=None).fit(X, Y)
        assert found(search) == found(again)
        seed = read_journal(tmp_path).header.seed
        assert found(halving(None, random_state=seed).fit(X, Y)) == found(search)

    @pytest.mark.parametrize(
        ("estimator", "space", "settings"),
        [
            (SGDClassifier(random_state=0), {"alpha": loguniform(1e-5, 1e-1)}, {}),
            (
                RandomForestClassifier(random_state=0),
                {"max_depth": [2, 3, 4]},
                {"resource": "n_estimators", "n_candidates": 3, "max_resources": 3},
            ),
            (
                KNeighborsClassifier(),
                {"n_neighbors": [2, 3, 4]},
                {"n_candidates": 3, "max_resources": 150, "resource": "n_samples"},
            ),
        ],
        ids=["passes", "integer", "rows"],
    )
    def test_other_estimators(self, tmp_path, estimator, space, settings):
        settings = {"refit": True, **settings}
        clean = halving(None, estimator, space, **settings).fit(X, Y)
        halving(tmp_path, estimator, space, **settings).fit(X, Y)
        again = halving(tmp_path, estimator, space, **settings).fit(X, Y)
        assert found(again) == found(clean)
        np.testing.assert_array_equal(again.predict(X), clean.predict(X))
        if settings.get("resource") == "n_samples":
            # A fitted neighbours classifier is the training data.
            assert list((tmp_path / "snapshots").iterdir()) == []

    def test_failures_are_remembered(self, tmp_path, monkeypatch):
        net, space = classifier(Raises), {"module__broken": [False, True], "lr": [0.01, 0.02]}
        settings = {"sampler": "grid", "n_candidates": "exhaust"}
        with pytest.warns(FitFailedWarning):
            clean = halving(None, net, space, **settings).fit(X, Y)
        interrupted(halving(tmp_path, net, space, **settings), monkeypatch, 2)
        with pytest.warns(FitFailedWarning, match="6 of 18 runs"):
            search = halving(tmp_path, net, space, **settings).fit(X, Y)
        assert found(search) == found(clean)


@pytest.mark.slow
def test_killed_at_fifty_moments(tmp_path):
    """By the clock and in the middle of writes; see the program for what it looks at."""
    arguments = [sys.executable, "-m", "tests.search.killing", str(tmp_path), "50", "0"]
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(arguments, capture_output=True, text=True, env=env, check=True)
    clean, *kills = map(json.loads, done.stdout.splitlines())
    assert clean["n_runs"] > 27 + 9 + 3
    assert len(kills) == 50
    assert sum(kill["was_killed"] for kill in kills) > 40
    for kill in kills:
        assert kill["failed"] == 0, kill
        assert kill["same"], kill
        assert kill["twice"] == [], kill
        assert kill["most_times"] <= 2, kill
        assert kill["n_runs"] == clean["n_runs"], kill


def test_a_search_with_workers_is_killed(tmp_path):
    clean = halving(None, n_jobs=2, stacking=3).fit(X, Y)
    script = (
        "import sys; from tests.search.test_storage import *\n"
        "if __name__ == '__main__':\n"
        "    halving(sys.argv[1], n_jobs=2, stacking=3).fit(X, Y)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], start_new_session=True
    )
    journal = tmp_path / "journal.jsonl"
    while not (journal.exists() and b'"Reached"' in journal.read_bytes()):
        time.sleep(0.02)
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert found(halving(tmp_path, n_jobs=2, stacking=3).fit(X, Y)) == found(clean)


class TestDamage:
    @pytest.mark.parametrize("damage", ["torn", "missing", "flipped"])
    @pytest.mark.parametrize("generations", [1, 2])
    def test_a_run_whose_snapshots_are_damaged_is_trained_again(
        self, tmp_path, monkeypatch, damage, generations
    ):
        clean = halving(None, stacking=3).fit(X, Y)
        # 27 runs in the first rung, 9 in the second: nine stacks and three of three.
        interrupted(halving(tmp_path, stacking=3), monkeypatch, 12)
        files = sorted((tmp_path / "snapshots").glob("*rung-1-*.snapshot"))[:2]
        if generations == 2:
            files += [Path(str(file).replace("rung-1", "rung-0")) for file in files]
        for file in files:
            content = file.read_bytes()
            file.unlink()
            if damage != "missing":
                middle = len(content) // 2
                flipped = content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]
                file.write_bytes(content[:-10] if damage == "torn" else flipped)
        with pytest.warns(DamagedSnapshotWarning, match="snapshot candidate") as told:
            search = halving(tmp_path, stacking=3).fit(X, Y)
        # A file has the three folds of a candidate; a torn one is still good for the first two.
        n_damaged = {"torn": 1, "missing": 3, "flipped": 1}[damage] * len(files)
        assert sum(w.category is DamagedSnapshotWarning for w in told) == n_damaged
        np.testing.assert_allclose(
            search.cv_results_["mean_test_score"], clean.cv_results_["mean_test_score"], atol=1e-6
        )

    def test_snapshots_are_bounded_by_who_may_go_on(self, tmp_path):
        most = []

        class Counting(SuccessiveHalvingSearchCV):
            def _printer(self, plan):
                return self

            def wave_begins(self, wave):
                pass

            def run_ends(self, wave, report):
                files = len(list((tmp_path / "snapshots").iterdir()))
                most.append(files / (9 * 3))

            def wave_ends(self, wave, history):
                return False

            def refit_begins(self, candidate_id):
                pass

        Counting(PIPE, SPACE, n_candidates=9, verbose=1, storage=tmp_path, **SETTINGS).fit(X, Y)
        assert max(most) <= 2
        # of those that reached the last rung, before it too, and the refitted network
        assert len(list((tmp_path / "snapshots").iterdir())) <= 3 + 3 + 1

    def test_no_training_data_is_copied(self, tmp_path):
        marked = X.copy()
        marked[:, 0] = np.pi * np.arange(1, 151)
        net = classifier(torch.nn.Linear, module__in_features=4, module__out_features=3)
        net.set_params(train_split=classifier(Raises).train_split)
        halving(tmp_path, net, {"lr": [0.01, 0.02]}, n_candidates=2).fit(
            marked.astype(np.float32), Y
        )
        for file in tmp_path.rglob("*"):
            content = file.read_bytes() if file.is_file() else b""
            for row in marked[:, 0]:
                assert np.float32(row).tobytes() not in content
                assert np.float64(row).tobytes() not in content

    def test_a_damaged_journal_is_refused_and_left(self, tmp_path):
        halving(tmp_path).fit(X, Y)
        journal = tmp_path / "journal.jsonl"
        content = journal.read_bytes()
        damaged = content.replace(b'"fold":0', b'"fold":1', 1)
        journal.write_bytes(damaged)
        with pytest.raises(StorageError, match="damaged in line"):
            halving(tmp_path).fit(X, Y)
        assert journal.read_bytes() == damaged


@pytest.fixture(scope="module")
def storage(tmp_path_factory):
    path = tmp_path_factory.mktemp("another")
    halving(path, random_state=3).fit(X, Y)
    return path


class TestAnotherSearch:
    @pytest.mark.parametrize(
        ("change", "named"),
        [
            ({"random_state": 4}, "settings: `random_state` was 3 and is 4"),
            ({"random_state": None}, "settings: `random_state` was 3 and is None"),
            ({"factor": 2}, "settings: `factor` was 3 and is 2"),
            ({"scoring": "f1_macro"}, "settings: `scoring` was None and is 'f1_macro'"),
            ({"cv": 4}, "cv: `splits` was 3 folds of 50 .* and is 4 folds"),
            ({"cv": KFold(3, shuffle=True)}, "cv: `splits` looks the same, but is not"),
            ({"max_resources": 27}, "settings: `max_resources` was 9 and is 27"),
            (
                {"space": SPACE | {"mlpclassifier__lr": loguniform(1e-3, 1)}},
                r"space: `mlpclassifier__lr` was loguniform\(0.001, 0.1\) and is loguniform\(0.00",
            ),
            (
                {"space": {**SPACE, "mlpclassifier__width": [8]}},
                r"space: `mlpclassifier__width` was absent and is \[8\]",
            ),
            (
                {"estimator": make_pipeline(StandardScaler(), MLPClassifier(random_state=0))},
                r"(?s)estimator: `mlpclassifier__depth` was 1 and is 2.*`mlpclassifier__width` was",
            ),
            (
                {"estimator": make_pipeline(MinMaxScaler(), PIPE[-1])},
                "estimator: `standardscaler` was <class .* and is absent",
            ),
        ],
    )
    def test_what_differs_is_named(self, storage, change, named):
        before = (storage / "journal.jsonl").read_bytes()
        settings = {"random_state": 3, **change}
        with pytest.raises(StorageError, match=named) as caught:
            halving(storage, **settings).fit(X, Y)
        assert "choose another `storage`" in str(caught.value)
        assert (storage / "journal.jsonl").read_bytes() == before

    def test_other_data(self, storage):
        with pytest.raises(StorageError, match=r"data: `X` looks .* 150 x 4 float64") as caught:
            halving(storage, random_state=3).fit(X + 1e-9, Y)
        assert "`y`" not in str(caught.value)
        with pytest.raises(StorageError, match="data: `y` looks the same"):
            halving(storage, random_state=3).fit(X, (Y + 1) % 3)
        with pytest.raises(StorageError, match="data: `sample_weight` was absent"):
            halving(storage, PIPE[-1], {"lr": [0.1]}).fit(X, Y, sample_weight=np.ones(150))

    def test_another_kind_of_search(self, storage):
        with pytest.raises(StorageError, match=r"settings: `search` was .*Halving.* and is .*Hyp"):
            HyperbandSearchCV(PIPE, SPACE, storage=storage, **SETTINGS).fit(X, Y)

    def test_other_versions(self, storage, monkeypatch):
        monkeypatch.setattr("sktune.search.storing.version", lambda name: "0.0.7")
        with pytest.raises(StorageError, match=r"versions: `torch` was \d.* and is 0.0.7"):
            halving(storage, random_state=3).fit(X, Y)

    def test_a_journal_from_before_the_places_of_failed_candidates_were_filled(
        self, storage, monkeypatch
    ):
        monkeypatch.setattr("sktune.search.storing._RULES", "3")
        with pytest.raises(StorageError, match=r"versions: `sktune\.schedules` was 2 and is 3"):
            halving(storage, random_state=3).fit(X, Y)

    def test_an_edited_module(self, tmp_path):
        def net(bias):
            class Mine(torch.nn.Linear):
                def forward(self, X):
                    return super().forward(X)

            if bias:
                Mine.forward = lambda self, X: torch.nn.Linear.forward(self, X) + 1
            return classifier(Mine, module__in_features=4, module__out_features=3)

        halving(tmp_path, net(False), {"lr": [0.01]}, n_candidates=1).fit(X.astype("f4"), Y)
        with pytest.raises(StorageError, match="estimator: `module` looks the same, but is not"):
            halving(tmp_path, net(True), {"lr": [0.01]}, n_candidates=1).fit(X.astype("f4"), Y)

    def test_a_result_that_was_there_stays(self, storage):
        search = halving(None).fit(X, Y)
        before = found(search)
        with pytest.raises(StorageError):
            search.set_params(storage=storage).fit(X, Y)
        assert found(search) == before

    def test_settings_that_cannot_work(self):
        search = halving("", run_timeout=0, max_retries=-1)
        with pytest.raises(InvalidSettingsError) as caught:
            search.fit(X, Y)
        for name in ("`storage`=''", "`run_timeout`=0", "`max_retries`=-1"):
            assert name in str(caught.value)
        with pytest.raises(InvalidSettingsError, match="set n_jobs=2 or more"):
            halving(None, run_timeout=1.0).fit(X, Y)


class TestStopping:
    def test_ctrl_c_leaves_what_was_scored_without_a_storage(self, monkeypatch):
        search = interrupted(halving(None, stacking=3), monkeypatch, 4)
        assert len(search.history_) == 12
        assert {record["status"] for record in search.history_} == {"ok"}
        whole = Counter(record["candidate_id"] for record in search.history_)
        assert [*search.cv_results_["candidate_id"]] == sorted(c for c in whole if whole[c] == 3)

    @pytest.mark.parametrize("n_jobs", [1, 2])
    def test_ctrl_c_stops_within_seconds(self, tmp_path, n_jobs):
        script = (
            "import sys; from tests.search.test_storage import *\n"
            "if __name__ == '__main__':\n"
            "    settings = {'n_candidates': 81, 'max_resources': 5000, 'stacking': 3}\n"
            "    search = halving(sys.argv[1], n_jobs=int(sys.argv[2]), **settings)\n"
            "    search.fit(X, Y)"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), str(n_jobs)], stderr=subprocess.PIPE
        )
        journal = tmp_path / "journal.jsonl"
        while not (journal.exists() and b'"Reached"' in journal.read_bytes()):
            time.sleep(0.02)
            assert process.poll() is None
        start = time.perf_counter()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert time.perf_counter() - start < 10
        assert b"KeyboardInterrupt" in errors
        assert len(read_storage(tmp_path)) > 0
        with pytest.raises(StorageError, match="belongs to another"):
            halving(tmp_path).fit(X, Y)  # it is free again


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 300 kB."""
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    path = tmp_path / "small"
    path.mkdir()
    if mount is None or os.name != "posix":
        pytest.skip("a small disk needs mount")
    made = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(path)], capture_output=True
    )
    if made.returncode:
        pytest.skip(f"a small disk needs the right to mount: {made.stderr.decode().strip()}")
    yield path
    subprocess.run([unmount, str(path)], check=True)


class TestDisk:
    def test_a_full_disk(self, small_disk):
        clean = halving(None, stacking=3).fit(X, Y)
        storage = small_disk / "search"
        search = halving(storage, stacking=3)
        with pytest.raises(StorageError, match=r"cannot be written \(No space left.*Make room"):
            search.fit(X, Y)
        assert len(search.history_) == len(read_storage(storage)) > 0
        subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
        assert found(halving(storage, stacking=3).fit(X, Y)) == found(clean)

    def test_a_disk_that_turns_read_only(self, small_disk, monkeypatch):
        clean = halving(None).fit(X, Y)
        subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
        storage = small_disk / "search"
        interrupted(halving(storage), monkeypatch, 1)
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
        before = read_storage(storage)
        with pytest.raises(StorageError, match=r"cannot be written \(Read-only file system\)"):
            halving(storage).fit(X, Y)
        assert read_storage(storage).equals(before)
        subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
        assert found(halving(storage).fit(X, Y)) == found(clean)

    def test_a_directory_that_cannot_be_made(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(StorageError, match=r"cannot be written \(Not a directory\)"):
            halving(tmp_path / "file" / "search").fit(X, Y)
