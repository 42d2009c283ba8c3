"""The commands of `docs/deploy`, so that they are run as they are written, for the version at hand."""

import re
from pathlib import Path
from typing import Final

from desktop.version import VERSION

PAGES: Final = Path(__file__).parents[2] / "docs" / "deploy"


def blocks(page: str, kind: str = "sh|bat") -> list[str]:
    """What stands in the page's blocks of a kind, in order: commands unless another is asked for."""
    text = (PAGES / page).read_text(encoding="utf-8").replace("0.1.0", VERSION)
    return re.findall(rf"^```(?:{kind})\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
