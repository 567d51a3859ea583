"""``sktune fit``: tune a network on the digits or on a table of one's own."""

import argparse
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from sktune import __version__
from sktune.exceptions import InvalidSettingsError
from sktune.report import write_csv
from sktune.search import SuccessiveHalvingSearchCV
from sktune.search.saved import result_directory, save
from sktune.search.tabular import READ_OPTIONS, LabelledTable, digits, read_table, table_pipeline


def run(options: argparse.Namespace) -> None:
    """Search, print what was found, and write it."""
    table = _table(options)
    train, test = table.split(options.test_size, options.seed)
    with result_directory(options.output) if options.output else nullcontext() as scratch:
        search = _search(train, options)
        print(f"{table.name}: {table.task}, {len(train.y)} rows x {train.X.shape[1]} columns")
        print(search.plan())
        search.fit(train.X, train.y)
        _print_result(search, test)
        if scratch is not None:
            save(scratch, search.best_estimator_, _settings(options, search))
            write_csv(search.cv_results_, scratch / "cv_results.csv")
    if options.output:
        _print_use(options)


def _table(options: argparse.Namespace) -> LabelledTable:
    if options.data:
        return read_table(options.data, options.target, options.task)
    if options.target or options.task != "auto":
        raise InvalidSettingsError(
            "--target and --task need a table: write sktune fit DATA.csv --target COLUMN"
        )
    return digits()


def _search(table: LabelledTable, options: argparse.Namespace) -> SuccessiveHalvingSearchCV:
    return SuccessiveHalvingSearchCV(
        table_pipeline(table, options.seed),
        n_candidates=options.candidates,
        max_resources=options.max_epochs,
        cv=options.cv,
        n_jobs=options.jobs,
        random_state=options.seed,
        verbose=1,
        storage=options.storage,
    )


def _settings(options: argparse.Namespace, search: SuccessiveHalvingSearchCV) -> dict[str, Any]:
    given = {name: value for name, value in vars(options).items() if name != "command"}
    best = {name: _plain(value) for name, value in search.best_params_.items()}
    return {"sktune": __version__, **given, "best_params": best, "best_score": search.best_score_}


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _print_result(search: SuccessiveHalvingSearchCV, test: LabelledTable | None) -> None:
    metric = "accuracy" if hasattr(search, "classes_") else "R2"
    print("\nbest hyperparameters")
    for name, value in search.best_params_.items():
        shown = f"{value:.4g}" if isinstance(value, float) else value
        print(f"  {name.rpartition('__')[2]:12} {shown}")
    print(f"cross-validated {metric}: {search.best_score_:.4f}")
    if test is not None:
        print(f"{metric} on {len(test.y)} held-out rows: {search.score(test.X, test.y):.4f}")


def _print_use(options: argparse.Namespace) -> None:
    model = Path(options.output) / "model.joblib"
    load, rows = "from sklearn.datasets import load_digits", "load_digits().data"
    if options.data:
        load = "import pandas as pd"
        rows = f"pd.read_csv({options.data!r}, **{READ_OPTIONS})"
    print(f"\nimport joblib; {load}\nmodel = joblib.load({str(model)!r})")
    print(f"print(model.predict({rows}))")
