"""What goes out compressed: style and script always, pages that hold no secret but their anti-forgery value.

That value is masked anew in each answer (`identity.credentials`), so the length of a page tells nothing of it. The
length is blurred beside that, as Django does ("Heal The BREACH", 2022), for the sake of the page's other words.
"""

import gzip
import io
import secrets
from typing import Final

from starlette.datastructures import Headers

LEAST: Final = 1_400
"""Bytes: what fits into one packet does not become faster."""
_LEVEL: Final = 4  # a queue of 200 rows: 2 ms and 22 kB; level 6 takes twice as long for a tenth less
_BLUR: Final = 100


def takes_gzip(headers: Headers) -> bool:
    """Whether the browser says that it can unpack it."""
    return any(one.strip() == "gzip" for one in headers.get("accept-encoding", "").split(","))


def packed(page: bytes) -> bytes:
    """A page compressed, with a name of random length in its head that unpacking drops."""
    out = io.BytesIO()
    name = "a" * secrets.randbelow(_BLUR)
    with gzip.GzipFile(filename=name, mode="wb", compresslevel=_LEVEL, fileobj=out, mtime=0) as file:
        file.write(page)
    return out.getvalue()
