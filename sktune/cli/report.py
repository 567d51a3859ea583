"""``sktune report``: write what stored searches found as one HTML file."""

import argparse

from sktune.report import write_report


def run(options: argparse.Namespace) -> None:
    """Write the file, and say where it is."""
    print(f"wrote {write_report(options.directories, options.output)}")
