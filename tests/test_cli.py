import json
import signal
import subprocess
import sys
import time

import joblib
import numpy as np
import pandas as pd
import pytest

from sktune.cli import main

WRITTEN = ["cv_results.csv", "model.joblib", "settings.json"]
QUICK = ["--candidates", "3", "--max-epochs", "3", "--cv", "3", "--jobs", "1"]


def table(tmp_path, task):
    rng = np.random.RandomState(0)
    x = rng.randn(120)
    frame = pd.DataFrame({"x": x, "c": np.where(x > 0, "p", "q"), "noise": rng.randn(120)})
    frame.loc[::9, "noise"] = np.nan
    frame["y"] = np.where(x > 0, "high", "low") if task == "classification" else 3 * x
    path = tmp_path / "table.csv"
    frame.to_csv(path, index=False)
    return path, frame


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_table_of_ones_own(tmp_path, capsys, task):
    path, frame = table(tmp_path, task)
    out = tmp_path / "runs" / "one"
    assert main(["fit", str(path), "--target", "y", "--output", str(out), *QUICK]) == 0
    told = capsys.readouterr().out
    assert f"table.csv: {task}, 90 rows x 3 columns" in told
    assert "best hyperparameters" in told
    assert ("accuracy on 30 held-out" if task == "classification" else "R2 on 30 held-out") in told
    assert sorted(p.name for p in out.iterdir()) == WRITTEN
    model = joblib.load(out / "model.joblib")
    assert model.predict(frame.drop(columns="y")).shape == (120,)
    results = pd.read_csv(out / "cv_results.csv")
    assert results["mean_test_score"].notna().all()
    assert json.loads((out / "settings.json").read_text())["candidates"] == 3
    lines = told.strip().splitlines()[-3:]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("[")


def test_the_digits(capsys, tmp_path):
    out = tmp_path / "out"
    assert main(["fit", *QUICK, "--test-size", "0", "--output", str(out)]) == 0
    told = capsys.readouterr().out
    assert "digits: classification, 1797 rows x 64 columns" in told
    assert "held-out" not in told
    lines = told.strip().splitlines()[-3:]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("[")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.csv", "--target", "y"], "no such file"),
        (["{path}", "--target", "z"], "there is no column 'z'"),
        (["{path}"], "say which column"),
        (["{path}", "--target", "y", "--candidates", "0"], "`n_candidates`=0"),
        (["{path}", "--target", "y", "--max-epochs", "-1", "--jobs", "0"], "`n_jobs`=0"),
        (["{path}", "--target", "y", "--cv", "1"], "`cv`=1"),
        (["{path}", "--target", "y", "--cv", "100"], "n_splits=100"),
        (["--target", "y"], "--target"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(tmp_path, capsys, arguments, message):
    path, _ = table(tmp_path, "classification")
    before = sorted(tmp_path.iterdir())
    given = [argument.format(path=path) for argument in arguments]
    assert main(["fit", *QUICK, *given, "--output", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err.strip()
    assert len(error.splitlines()) == 1
    assert message in error
    assert sorted(tmp_path.iterdir()) == before


def test_results_are_never_overwritten(tmp_path, capsys):
    (tmp_path / "out").mkdir()
    assert main(["fit", *QUICK, "--output", str(tmp_path / "out")]) == 2
    assert "never overwritten" in capsys.readouterr().err


def test_arguments_that_make_no_sense():
    for arguments in (["fit", "--test-size", "1.5"], ["fit", "--task", "magic"], []):
        with pytest.raises(SystemExit, match="2"):
            main(arguments)


def test_interrupted_it_leaves_nothing(tmp_path, monkeypatch, capsys):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("sktune.cli.fit._print_result", interrupt)
    assert main(["fit", *QUICK, "--output", str(tmp_path / "out")]) == 130
    assert capsys.readouterr().err == "sktune: interrupted\n"
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_is_one_line_that_says_how_to_go_on(tmp_path):
    storage = tmp_path / "storage"
    options = ["--candidates", "9", "--max-epochs", "900", "--cv", "3", "--jobs", "1"]
    command = [sys.executable, "-m", "sktune", "fit", *options, "--storage", str(storage)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([*command, "--output", str(tmp_path / "out")], **pipes) as process:
        try:
            while not (storage / "journal.jsonl").exists() and process.poll() is None:
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    (line,) = errors.splitlines()
    assert line.startswith("sktune: The search was interrupted before")
    assert line.endswith(f"Fit again with `storage`={str(storage)!r} to go on from there.")
    assert process.returncode == 130
    assert [path.name for path in tmp_path.iterdir()] == ["storage"]


def test_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "sktune", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("sktune ")
