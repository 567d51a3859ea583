"""Exports, read back by the library that they are for."""

import csv
import glob

import pytest

from sktune.cli import main
from sktune.exceptions import InvalidSettingsError
from sktune.report import export
from sktune.report.trials import trials
from tests.report import made_up
from tests.report.kinds import KINDS


@pytest.fixture
def stored(tmp_path):
    return made_up.stored(tmp_path / "search", fails=lambda candidate: candidate == 3)


def expected():
    return list(trials(made_up.search(fails=lambda candidate: candidate == 3)))


def test_csv_has_a_row_for_each_candidate(stored, tmp_path, capsys):
    target = tmp_path / "results.csv"
    assert main(["export", str(stored), "--to", "csv", "-o", str(target)]) == 0
    assert capsys.readouterr().out == f"exported to {target}\n"
    with target.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 27
    (best,) = [trial for trial in expected() if trial.state == "complete"]
    assert float(rows[0]["score"]) == best.values[-1].score


def test_optuna_reads_the_study(stored, tmp_path):
    optuna = pytest.importorskip("optuna")
    target = f"sqlite:///{tmp_path}/optuna.db"
    for _ in range(2):  # it is replaced, not added to
        export(stored, "optuna", target)
    study = optuna.load_study(study_name="search", storage=target)
    assert len(study.trials) == 27
    states = [trial.state.name for trial in study.trials]
    assert (states.count("COMPLETE"), states.count("FAIL"), states.count("PRUNED")) == (1, 1, 25)
    for trial, mine in zip(study.trials, expected(), strict=True):
        assert trial.user_attrs["candidate_id"] == mine.candidate_id
        assert trial.params == mine.params
        assert trial.intermediate_values == {v.n_resources: v.score for v in mine.values}
    assert study.best_value == max(m.values[-1].score for m in expected() if m.state == "complete")


def test_a_study_of_the_users_own_is_left(stored, tmp_path):
    optuna = pytest.importorskip("optuna")
    target = f"sqlite:///{tmp_path}/optuna.db"
    optuna.create_study(storage=target, study_name="search")
    with pytest.raises(InvalidSettingsError, match="choose another target"):
        export(stored, "optuna", target)


def test_tensorboard_reads_the_curves(stored, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for _ in range(2):
        export(stored, "tensorboard", str(tmp_path / "runs"))
    for mine in expected():
        folder = tmp_path / "runs" / "search" / f"candidate {mine.candidate_id}"
        assert len(glob.glob(f"{glob.escape(str(folder))}/*")) == 1
        found = EventAccumulator(str(folder)).Reload()
        if mine.values:
            curve = [(event.step, event.value) for event in found.Scalars("accuracy")]
            assert curve == [(v.n_resources, pytest.approx(v.score)) for v in mine.values]
        assert found.SummaryMetadata("_hparams_/session_start_info").plugin_data


def test_wandb_has_a_run_for_each_candidate(stored, tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.setenv("WANDB_SILENT", "true")
    export(made_up.search(made_up.halving(2)), "wandb", "project")
    assert len(list((tmp_path / "wandb").glob("offline-run-*"))) == 2


@pytest.mark.slow
# MLflow asks SQLAlchemy for what a later version will not have.
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")
def test_mlflow_reads_the_runs(stored, tmp_path):
    mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed")
    target = f"sqlite:///{tmp_path}/mlflow.db"
    for _ in range(2):
        export(stored, "mlflow", target)
    client = mlflow.MlflowClient(target)
    experiment = client.get_experiment_by_name("search").experiment_id
    runs = {run.info.run_name: run for run in client.search_runs([experiment], max_results=100)}
    assert len(runs) == 27
    for mine in expected():
        run = runs[f"candidate {mine.candidate_id}"]
        assert run.data.params == {name: str(value) for name, value in mine.params.items()}
        curve = client.get_metric_history(run.info.run_id, "accuracy") if mine.values else []
        assert [(m.step, m.value) for m in curve] == [(v.n_resources, v.score) for v in mine.values]


@pytest.mark.parametrize("to", ["csv", "optuna", "tensorboard"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_search_can_be_exported(kind, to, tmp_path):
    target = {"optuna": f"sqlite:///{tmp_path}/optuna.db"}.get(to, str(tmp_path / "target"))
    assert export(KINDS[kind](), to, target) == target


def test_other_tools_are_refused(stored):
    with pytest.raises(InvalidSettingsError, match="must be one of 'csv', 'optuna', 'mlflow'"):
        export(stored, "excel")


def test_a_wrong_directory_is_refused(tmp_path, capsys):
    assert main(["export", str(tmp_path), "--to", "csv"]) == 2
    assert "no journal.jsonl" in capsys.readouterr().err
