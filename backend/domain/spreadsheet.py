"""Text in tables that spreadsheets open: what they would run stays text."""

import re
from typing import Final

_RUN: Final = re.compile(r"((?:\A|[;\t\r\n])[ \u00a0\u3000]*)(?=[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])")
"""Where a cell begins and a formula too. Half of Europe's spreadsheets part cells at semicolons, whatever a file means
by them; some take the wide forms of the signs for the usual ones."""


def unrun(text: str) -> str:
    """The text with an apostrophe before each place at which a spreadsheet would begin to run it."""
    return _RUN.sub(r"\1'", text)
