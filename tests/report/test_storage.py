"""Law 9: reading is harmless, works while a search runs, and goes on working for ever."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris

from sktune import MLPClassifier, SuccessiveHalvingSearchCV, read_storage
from sktune.candidates import Advance, Report, Run
from sktune.cli import main
from sktune.exceptions import StorageError
from sktune.journal import Begun, Header, Proposed, Stopped, Storage
from sktune.report import storage_summary

ASSETS = Path(__file__).parents[1] / "journal" / "assets"
X, Y = load_iris(return_X_y=True)


class Bomb:
    """Leaves a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def plan(*counts):
    rungs = enumerate(counts)
    return [{"bracket": 0, "rung": r, "n_candidates": n, "n_resources": 3**r} for r, n in rungs]


def running(path, trap):
    """A storage in which a search is in its second rung."""
    storage = Storage(path, Header({}, 0, "epochs", 2, plan(3, 1)))
    settings = [{"lr": np.float64(0.1), "net": Bomb(trap)}, {"lr": 0.2}, {"lr": 0.3}]
    storage.write(Proposed(0, settings))
    storage.write(Begun([Advance(c, 0, 0, 1, n_folds=2) for c in range(3)]))
    for c, score in enumerate((0.5, 0.75, float("nan"))):
        failure = {} if score == score else {"status": "failed", "error": "ValueError: no way"}
        settings = {"scores": {"score": score}, "n_folds": 2, **failure}
        reports = [Report(c, f, 0, 0, 1, score, **settings) for f in (0, 1)]
        storage.reached(reports, {Run(c, 0): b"x"})
    storage.write(Begun([Advance(1, 0, 1, 3, n_folds=2)]))
    return storage


def test_a_search_that_is_running(tmp_path):
    trap = tmp_path / "trap"
    with running(tmp_path / "s", trap):
        told = storage_summary(tmp_path / "s").splitlines()
        table = read_storage(tmp_path / "s")
    assert not trap.exists()
    assert "running or interrupted, process" in told[0]
    assert told[1:6] == [
        "rung 0:    3 of 3 candidates at    1 epochs, best score 0.7500",
        "rung 1:    0 of 1 candidates at    3 epochs",
        "survivors: 1",
        "best so far: candidate 1, score 0.7500 at 1 epochs",
        "  lr 0.2",
    ]
    assert told[6:8] == ["failures: 2 of 6 runs", "2 x ValueError: no way"]
    assert told[8].startswith("time: ")
    assert table["test_score"].tolist()[:4] == [0.5, 0.5, 0.75, 0.75]
    assert table["status"].tolist()[4:] == ["failed"] * 2
    assert "Bomb" in table["param_net"][0]


def test_a_line_that_is_being_written_is_left_out(tmp_path):
    with running(tmp_path / "s", tmp_path / "trap"):
        before = read_storage(tmp_path / "s")
        with (tmp_path / "s" / "journal.jsonl").open("ab") as file:
            file.write(b'{"time":1,"event":"Reach')
        assert read_storage(tmp_path / "s").equals(before)


def test_it_needs_neither_torch_nor_scikit_learn(tmp_path):
    running(tmp_path / "s", tmp_path / "trap").write(Stopped("time_budget"))
    script = (
        "import sys, sktune; from sktune.cli import main\n"
        "main(['show', sys.argv[1]]); table = sktune.read_storage(sys.argv[1])\n"
        "assert len(table) == 6\n"
        "print([name for name in ('torch', 'sklearn', 'skorch', 'joblib') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "s")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[0] == f"{tmp_path / 's'}: time_budget"
    assert done.stdout.splitlines()[-1] == "[]"
    assert not (tmp_path / "trap").exists()


def test_the_table_is_the_history(tmp_path, capsys):
    net = MLPClassifier(depth=1, width=8, random_state=0)
    search = SuccessiveHalvingSearchCV(
        net, {"lr": [0.1, 0.01, 0.001]}, max_resources=3, cv=3, storage=tmp_path, random_state=0
    ).fit(X, Y)
    table = read_storage(tmp_path)
    assert table.drop(columns="param_lr").to_dict("records") == search.history_
    lrs = [search.cv_results_["params"][c]["lr"] for c in range(3)]
    assert table["param_lr"].tolist() == [lrs[c] for c in table["candidate_id"]]
    assert main(["show", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"{tmp_path}: finished\n")
    assert f"score {search.best_score_:.4f} at 3 epochs" in told


def test_there_is_nothing_to_show(tmp_path, capsys):
    assert main(["show", str(tmp_path)]) == 2
    assert "there is no journal.jsonl in it" in capsys.readouterr().err
    with pytest.raises(StorageError, match="is no storage directory"):
        read_storage(tmp_path / "nowhere")


def test_the_command_goes_on_with_a_search(tmp_path, capsys):
    arguments = ["fit", "--candidates", "3", "--max-epochs", "3", "--cv", "2", "--jobs", "1"]
    arguments += ["--storage", str(tmp_path)]
    assert main(arguments) == 0
    first = capsys.readouterr().out
    assert main(arguments) == 0
    again = capsys.readouterr().out
    assert first.split("best hyperparameters")[1] == again.split("best hyperparameters")[1]
    assert main([*arguments, "--seed", "1"]) == 2
    assert "settings: `random_state` was 0 and is 1" in capsys.readouterr().err


@pytest.mark.parametrize("asset", sorted(ASSETS.iterdir()), ids=lambda path: path.name)
def test_storages_of_the_past_open(asset):
    """An asset is kept for each format that has been released; none is ever changed."""
    table = read_storage(asset)
    assert len(table) == 66
    assert set(table["status"]) == {"ok", "failed"}
    assert {"test_accuracy", "train_neg_log_loss", "fold", "bracket"} < set(table.columns)
    assert set(table["param_standardscaler"]) == {"StandardScaler()", "MinMaxScaler()"}
    told = storage_summary(asset)
    assert "bracket 1, rung 1:    1 of 1 candidates at    9 epochs" in told
    assert ": finished" in told
    lines = (asset / "journal.jsonl").read_text().splitlines()
    assert all(json.loads(line) for line in lines)
