"""Which version of the program this is."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def own_version() -> str | None:
    """For instance `0.1.0`; null where it runs from its source without being installed."""
    try:
        return version("flowpilot-escalations")
    except PackageNotFoundError:
        return None
