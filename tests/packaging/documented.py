"""The commands of `docs/deploy`, so that they are run as they are written, for the version at hand."""

import re
from pathlib import Path
from typing import Final

from desktop.version import VERSION

PAGES: Final = Path(__file__).parents[2] / "docs" / "deploy"


def blocks(page: str) -> list[str]:
    """What stands in the page's blocks of commands (sh, bat), in order."""
    text = (PAGES / page).read_text(encoding="utf-8").replace("0.1.0", VERSION)
    return re.findall(r"^```(?:sh|bat)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
