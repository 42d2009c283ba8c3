"""One trust for everything: the operating system's certificate store and, when named, the shop's own CA file.

The HTTP and the WebSocket library would each bring its own store; behind an inspecting proxy one would work and the
other would not. Imported only once the tray icon is up.
"""

import ssl
from pathlib import Path


def context(ca_file: Path | None = None) -> ssl.SSLContext:
    """A verifying client context. Raises `OSError` or `ssl.SSLError` for a CA file that cannot be used."""
    made = ssl.create_default_context()
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        made.load_verify_locations(cafile=ca_file)
    return made
