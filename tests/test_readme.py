"""The README's snippets are run, and its commands are those that are checked."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sktune.cli import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
COMMANDS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)


def run(*snippets):
    # cloudpickle takes the classes of a script by value, so the snippets are run as one
    scope = {"__name__": "__main__"}
    for snippet in snippets:
        exec(compile(snippet, "README.md", "exec"), scope)
    return scope


@pytest.mark.slow
def test_the_example_reaches_its_accuracy():
    accuracies = []
    for seed in range(5):
        scope = run(SNIPPETS[0].replace("seed = 0", f"seed = {seed}"))
        accuracies.append(scope["search"].score(scope["X_test"], scope["y_test"]))
    # one wrong row of the 450 is 0.002, and the searches of two seeds differ by five of them
    assert np.mean(accuracies) >= 0.97
    assert min(accuracies) >= 0.96


@pytest.mark.slow
def test_the_example_trains_the_epochs_foretold(capsys):
    search = run(SNIPPETS[0])["search"]
    for fold in range(5):
        reached = {}
        for record in search.history_:
            if record["fold"] == fold:
                reached[record["candidate_id"]] = record["n_resources"]
        assert sum(reached.values()) == search.plan().epochs == 81
    table = re.search(r"```text\n(.*?)```", README, re.DOTALL).group(1)
    assert capsys.readouterr().out.startswith(table)


def test_a_network_of_ones_own(capsys):
    data = SNIPPETS[0].split("pipe =")[0]
    scope = run(data, SNIPPETS[1])
    assert scope["search"].score(scope["X_test"], scope["y_test"]) > 0.9


def test_more_ways_to_search():
    data = SNIPPETS[0].split("pipe =")[0]
    scope = run(data, "from sktune import SuccessiveHalvingSearchCV", SNIPPETS[2])
    assert scope["search"].score(scope["X_test"], scope["y_test"]) > 0.9


def test_nothing_lost(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    data = SNIPPETS[0].split("print(")[0]
    scope = run(data, SNIPPETS[3])
    assert scope["search"].score(scope["X_test"], scope["y_test"]) > 0.9
    _, show = COMMANDS[2].strip().splitlines()
    assert main(shlex.split(show)[3:]) == 0
    assert capsys.readouterr().out.startswith("runs/digits: finished")


@pytest.mark.filterwarnings("ignore::sktune.exceptions.TooLittleDataWarning")  # nine candidates
def test_seeing_what_was_found(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    matplotlib = pytest.importorskip("matplotlib", reason="needs the extra plot")
    matplotlib.use("agg")
    data = SNIPPETS[0].split("print(")[0]
    scope = run(data, SNIPPETS[3], SNIPPETS[4])
    assert scope["search"].optimism_.best_score == pytest.approx(scope["search"].best_score_)
    (tmp_path / "report.html").unlink()
    capsys.readouterr()
    watch, report, export = (shlex.split(line)[3:] for line in COMMANDS[3].strip().splitlines())
    assert main(watch) == main(report) == main(export) == 0
    told = capsys.readouterr().out
    assert "finished" in told
    assert (tmp_path / "report.html").exists()
    assert len((tmp_path / "results.csv").read_text().splitlines()) == 1 + 9
    matplotlib.pyplot.close("all")


@pytest.mark.slow
@pytest.mark.parametrize(("number", "package"), [(5, "distributed"), (6, "ray")])
def test_other_machines(number, package, tmp_path, monkeypatch):
    pytest.importorskip(package, reason=f"needs the extra of {package}")
    monkeypatch.chdir(tmp_path)
    # a program of its own, as clusters start processes that look at the main module
    data = SNIPPETS[0].split("print(")[0]
    body = "".join([data, SNIPPETS[3], SNIPPETS[number]])
    lines = ["def main():", *body.splitlines(), "print(search.score(X_test, y_test))"]
    script = "\n    ".join(lines) + "\n\nif __name__ == '__main__':\n    main()\n"
    (tmp_path / "script.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "script.py"], capture_output=True, text=True, check=True, timeout=300
    )
    assert float(done.stdout.strip().splitlines()[-1]) > 0.9
    assert len(SNIPPETS) == 7


def test_the_first_command_installs_and_runs_the_main_job():
    install, job = (shlex.split(part) for part in COMMANDS[0].split("&&"))
    assert install[:6] == ["python", "-m", "pip", "install", "-c", "constraints.txt"]
    done = subprocess.run(
        [sys.executable, *job[1:]], capture_output=True, text=True, check=True, cwd=ROOT
    )
    accuracy = re.search(r"accuracy on 450 held-out rows: ([\d.]+)", done.stdout).group(1)
    assert float(accuracy) >= 0.97
    assert "best hyperparameters" in done.stdout
    assert np.isfinite(float(re.search(r"cross-validated accuracy: ([\d.]+)", done.stdout)[1]))


def test_the_test_command_is_what_ci_runs():
    script = (ROOT / ".ci" / "run").read_text()
    assert "<!-- test command -->" in script
    marked = README.split("<!-- test command -->")[1].split("```")[1]
    assert marked == "sh\n" + COMMANDS[1]
    assert "&& python -m pytest " in COMMANDS[1]
    assert "python -m pytest -m slow" in script


def test_options_named_in_the_readme_exist(capsys):
    with pytest.raises(SystemExit):
        main(["fit", "--help"])
    told = capsys.readouterr().out
    for option in re.findall(r"--[a-z-]+", COMMANDS[2]):
        assert option in told
    for option in ("--candidates", "--max-epochs", "--cv", "--jobs", "--seed", "--task"):
        assert option in told
