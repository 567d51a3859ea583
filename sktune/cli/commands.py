"""Commands and their options; a command itself is imported when it is called."""

import argparse
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from sktune import __version__
from sktune.exceptions import SktuneError

TRACKERS = ("csv", "optuna", "mlflow", "tensorboard", "wandb")
_DESCRIPTION = "Tune the neural network at the end of a scikit-learn pipeline."
_EPILOG = "Without DATA.csv the embedded digits data are used."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return 0, 2 after a one-line error, or 130 after Ctrl-C."""
    options = _parser().parse_args(arguments)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _print_warning
            # Only what trains needs torch, whose import takes seconds.
            import_module(f"sktune.cli.{options.command}").run(options)
    except (SktuneError, ValueError) as error:
        print(f"sktune: error: {'; '.join(str(error).splitlines())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as error:
        print(f"sktune: {str(error) or 'interrupted'}", file=sys.stderr)
        return 130
    return 0


def _print_warning(message: Any, *details: Any, **more: Any) -> None:
    print(f"sktune: warning: {message}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sktune", description=_DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"sktune {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    _add_fit(commands.add_parser("fit", help="tune a network on a table", epilog=_EPILOG))
    show = commands.add_parser("show", help="tell how a stored search stands, also while it runs")
    show.add_argument("directory", metavar="DIR", help="the storage directory of a search")
    watch = commands.add_parser("watch", help="show a stored search while another process runs it")
    watch.add_argument("directory", metavar="DIR", help="the storage directory of a search")
    export = commands.add_parser("export", help="hand a stored search to an experiment tracker")
    export.add_argument("directory", metavar="DIR", help="the storage directory of a search")
    export.add_argument("--to", choices=TRACKERS, required=True, help="the tool")
    export.add_argument("-o", "--output", metavar="TARGET", help="a file, directory or address")
    report = commands.add_parser("report", help="write what stored searches found as HTML")
    report.add_argument("directories", metavar="DIR", nargs="+", help="their storage directories")
    report.add_argument("-o", "--output", metavar="FILE", default="report.html", help="the file")
    return parser


def _add_fit(fit: argparse.ArgumentParser) -> None:
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
    fit.add_argument("--storage", metavar="DIR", help="where to keep the search, and go on with it")


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
