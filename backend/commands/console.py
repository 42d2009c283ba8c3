"""The command line's two voices. A line is written in one piece: beside a log on the same terminal it stays whole."""

import sys


def tell(line: str) -> None:
    """Write a line of the command's result to standard output."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def say(line: str) -> None:
    """Tell the person at the terminal, on standard error, something that is not the command's result."""
    sys.stderr.write(f"flowpilot: {line}\n")
    sys.stderr.flush()
