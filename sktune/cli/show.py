"""``sktune show``: tell how a stored search stands, from its journal alone."""

import argparse

from sktune.report import storage_summary


def run(options: argparse.Namespace) -> None:
    """Print rungs, survivors, the best so far, failures and time."""
    print(storage_summary(options.directory))
