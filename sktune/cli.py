"""The command line: ``sktune fit`` tunes a network on the digits or on a table of one's own."""

import argparse
import sys
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from sktune import __version__
from sktune.exceptions import InvalidSettingsError, SktuneError
from sktune.report import write_csv
from sktune.search import SuccessiveHalvingSearchCV
from sktune.search.saved import result_directory, save
from sktune.search.tabular import READ_OPTIONS, Table, digits, read_table, table_pipeline

_EPILOG = "Without DATA.csv the embedded digits data are used."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return 0, or 2 after a one-line error."""
    options = _parser().parse_args(arguments)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _print_warning
            options.command(options)
    except (SktuneError, ValueError) as error:
        print(f"sktune: error: {'; '.join(str(error).splitlines())}", file=sys.stderr)
        return 2
    return 0


def _print_warning(message: Any, *details: Any, **more: Any) -> None:
    print(f"sktune: warning: {message}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sktune", description=__doc__)
    parser.add_argument("--version", action="version", version=f"sktune {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    fit = commands.add_parser("fit", help="tune a network on a table", epilog=_EPILOG)
    fit.set_defaults(command=_fit)
    fit.add_argument("data", nargs="?", metavar="DATA.csv", help="a CSV file with a header line")
    fit.add_argument("--target", metavar="COLUMN", help="the column to predict")
    fit.add_argument(
        "--task",
        choices=["auto", "classification", "regression"],
        default="auto",
        help="by default found from the target",
    )
    _add_count(fit, "--candidates", 27, "settings to try")
    _add_count(fit, "--max-epochs", 27, "passes over the data that the best of them get")
    _add_count(fit, "--cv", 5, "folds of the cross-validation")
    fit.add_argument("--jobs", type=int, default=-1, help="processes, -1 for one per core")
    fit.add_argument("--seed", type=int, default=0, help="seed of every random draw")
    fit.add_argument(
        "--test-size", type=_share, default=0.25, help="share of the rows held out; 0 for none"
    )
    fit.add_argument("--output", metavar="DIR", help="where to write the fitted pipeline")
    return parser


def _add_count(parser: argparse.ArgumentParser, name: str, default: int, text: str) -> None:
    parser.add_argument(name, type=int, default=default, help=f"{text} (default: {default})")


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text} must be a number, at least 0 and below 1")
    return value


def _fit(options: argparse.Namespace) -> None:
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


def _table(options: argparse.Namespace) -> Table:
    if options.data:
        return read_table(options.data, options.target, options.task)
    if options.target or options.task != "auto":
        raise InvalidSettingsError(
            "--target and --task need a table: write sktune fit DATA.csv --target COLUMN"
        )
    return digits()


def _search(table: Table, options: argparse.Namespace) -> SuccessiveHalvingSearchCV:
    return SuccessiveHalvingSearchCV(
        table_pipeline(table, options.seed),
        n_candidates=options.candidates,
        max_resources=options.max_epochs,
        cv=options.cv,
        n_jobs=options.jobs,
        random_state=options.seed,
        verbose=1,
    )


def _settings(options: argparse.Namespace, search: SuccessiveHalvingSearchCV) -> dict[str, Any]:
    given = {name: value for name, value in vars(options).items() if name != "command"}
    best = {name: _plain(value) for name, value in search.best_params_.items()}
    return {"sktune": __version__, **given, "best_params": best, "best_score": search.best_score_}


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _print_result(search: SuccessiveHalvingSearchCV, test: Table | None) -> None:
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
