"""The command line: ``sktune fit`` tunes a network, ``sktune show`` tells how a search stands."""

from sktune.cli.commands import main

__all__ = ["main"]
