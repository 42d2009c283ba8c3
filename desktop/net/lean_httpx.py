"""httpx without its command line.

Where rich and pygments happen to be installed, httpx loads them at import for a command that nobody calls here: 0.2 s
of the start and 11 MB of memory. Without that one module it does without them, as on a machine that lacks them.
"""

import sys

sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # null is Python's "there is no such module"

import httpx  # noqa: E402 - after the line above, which is for it

__all__ = ["httpx"]
