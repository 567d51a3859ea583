"""``sktune export``: hand a stored search to an experiment tracker."""

import argparse

from sktune.report import export


def run(options: argparse.Namespace) -> None:
    """Export it, and say where it is."""
    print(f"exported to {export(options.directory, options.to, options.output)}")
