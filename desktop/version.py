"""The version of this program; a test holds it equal to the package's.

A constant, because reading package metadata pulls the mail parser in: 60 ms and 3 MB in every tray.
"""

from typing import Final

VERSION: Final = "0.1.0"


def version() -> str:
    """For instance `0.1.0`."""
    return VERSION
