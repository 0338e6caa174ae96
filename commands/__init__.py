"""The command line: `frontdesk`."""

from commands.app import main

__all__ = ["main"]
