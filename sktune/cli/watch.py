"""``sktune watch``: show how a stored search goes on, until it ends."""

import argparse

from sktune.report import watch


def run(options: argparse.Namespace) -> None:
    """Redraw rungs, the best so far and the time left."""
    watch(options.directory)
