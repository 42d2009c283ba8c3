"""The version, from the installed package."""

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed


def version() -> str:
    """For instance `0.1.0`; `0+unknown` when run from a tree that was never installed."""
    try:
        return installed("flowpilot-escalations")
    except PackageNotFoundError:
        return "0+unknown"
