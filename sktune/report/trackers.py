"""The experiment trackers, each by its own library."""

from pathlib import Path
from typing import Any

from sktune.exceptions import InvalidSettingsError
from sktune.report.axes_of_values import ValueAxis
from sktune.report.data import SearchData
from sktune.report.extras import extra
from sktune.report.optuna_trials import created_trial, quiet_optuna
from sktune.report.tables import results
from sktune.report.trials import Trial, trials

_EXPORTED = "exported from sktune"


def to_csv(data: SearchData, target: str) -> None:
    """Write a row for each candidate."""
    results(data).to_csv(target, index=False)


def to_optuna(data: SearchData, target: str) -> None:
    """Write a study, whose trials have the scores of the rungs as intermediate values."""
    with quiet_optuna("export to Optuna") as optuna:
        _remove_study(optuna, data.name, target)
        study = optuna.create_study(storage=target, study_name=data.name, direction="maximize")
        study.set_user_attr(_EXPORTED, True)
        found = list(trials(data))
        axes = {name: ValueAxis.of(values) for name, values in _columns(found).items()}
        spaces = {name: _space(optuna, axis) for name, axis in axes.items()}
        study.add_trials([_trial(optuna, trial, axes, spaces) for trial in found])


def _remove_study(optuna: Any, name: str, target: str) -> None:
    try:
        study = optuna.load_study(study_name=name, storage=target)
    except KeyError:
        return
    if not study.user_attrs.get(_EXPORTED):
        raise InvalidSettingsError(
            f"{target} has a study {name!r} that was not exported by sktune: choose another target."
        )
    optuna.delete_study(study_name=name, storage=target)


def _columns(found: list[Trial]) -> dict[str, list[Any]]:
    names = dict.fromkeys(name for trial in found for name in trial.params)
    return {name: [trial.params.get(name) for trial in found] for name in names}


def _space(optuna: Any, axis: ValueAxis) -> Any:
    if axis.words or not axis.numbers:
        return optuna.distributions.CategoricalDistribution(list(axis.words) or [""])
    return optuna.distributions.FloatDistribution(axis.low, axis.high, log=axis.is_log)


def _trial(optuna: Any, trial: Trial, axes: dict[str, ValueAxis], spaces: dict[str, Any]) -> Any:
    states = optuna.trial.TrialState
    state = {
        "complete": states.COMPLETE,
        "stopped": states.PRUNED,
        "running": states.RUNNING,
        "failed": states.FAIL,
    }[trial.state]
    error = {"error": trial.error} if trial.error else {}
    return created_trial(
        *(optuna, trial.params, axes, spaces),
        state=state,
        value=trial.values[-1].score if trial.state in ("complete", "stopped") else None,
        intermediate_values={value.n_resources: value.score for value in trial.values},
        user_attrs={"candidate_id": trial.candidate_id, **error},
    )


def to_tensorboard(data: SearchData, target: str) -> None:
    """Write a directory for each candidate, with its curve and its hyperparameters."""
    writing = extra("tensorboard.summary.writer.event_file_writer", "tensorboard", "export")
    protos = extra("tensorboard.compat.proto.summary_pb2", "tensorboard", "export")
    events = extra("tensorboard.compat.proto.event_pb2", "tensorboard", "export")
    hparams = extra("tensorboard.plugins.hparams.summary_v2", "tensorboard", "export")
    for trial in trials(data):
        folder = Path(target) / data.name / f"candidate {trial.candidate_id}"
        for old in folder.glob("events.out.tfevents.*") if folder.exists() else ():
            old.unlink()
        writer = writing.EventFileWriter(str(folder))
        shown = {name: "" if v is None else v for name, v in trial.params.items()}
        summary = hparams.hparams_pb(shown, trial_id=str(trial.candidate_id))
        writer.add_event(events.Event(wall_time=data.began, summary=summary))
        for value in trial.values:
            scalar = protos.Summary.Value(tag=data.metric, simple_value=value.score)
            when = data.began + value.end_time
            summary = protos.Summary(value=[scalar])
            writer.add_event(events.Event(wall_time=when, step=value.n_resources, summary=summary))
        writer.close()


def to_mlflow(data: SearchData, target: str) -> None:
    """Write an experiment with a run for each candidate."""
    mlflow = extra("mlflow", "mlflow", "export to MLflow")
    client = mlflow.MlflowClient(target)
    experiment = _empty_experiment(client, data.name)
    for trial in trials(data):
        begin = int(1000 * data.began)
        run = client.create_run(
            experiment,
            start_time=begin,
            run_name=f"candidate {trial.candidate_id}",
            tags={"state": trial.state, **({"error": trial.error[:5000]} if trial.error else {})},
        ).info.run_id
        params = [mlflow.entities.Param(n, str(v)[:500]) for n, v in trial.params.items()]
        metrics = [
            mlflow.entities.Metric(data.metric, score, begin + int(1000 * when), n_resources)
            for n_resources, score, when in trial.values
        ]
        client.log_batch(run, metrics=metrics, params=params)
        ended = {"complete": "FINISHED", "stopped": "FINISHED", "failed": "FAILED"}
        if trial.state in ended:
            last = max((value.end_time for value in trial.values), default=0.0)
            client.set_terminated(run, ended[trial.state], begin + int(1000 * last))


def _empty_experiment(client: Any, name: str) -> str:
    found = client.get_experiment_by_name(name)
    if found is None:
        created: str = client.create_experiment(name, tags={_EXPORTED: "yes"})
        return created
    if _EXPORTED not in found.tags:
        raise InvalidSettingsError(
            f"MLflow has an experiment {name!r} that was not exported by sktune."
        )
    for run in client.search_runs([found.experiment_id]):
        client.delete_run(run.info.run_id)
    known: str = found.experiment_id
    return known


def to_wandb(data: SearchData, target: str) -> None:
    """Log a run for each candidate, in one group."""
    wandb = extra("wandb", "wandb", "export to Weights & Biases")
    for trial in trials(data):
        run = wandb.init(
            project=target,
            group=data.name,
            name=f"candidate {trial.candidate_id}",
            config=trial.params,
            tags=[trial.state],
            reinit="finish_previous",
        )
        for value in trial.values:
            run.log({data.metric: value.score}, step=value.n_resources)
        run.finish(exit_code=int(trial.state == "failed"))
