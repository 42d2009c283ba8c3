"""One trust for everything: the operating system's certificate store and, when named, the shop's own CA file.

The HTTP and the WebSocket library would each bring its own store; behind an inspecting proxy one would work and the
other would not. Windows and macOS verify with what they are told by their administrators, Linux with the distribution's
file, wherever it lies: a packaged program carries another distribution's path. Imported only once the icon is up.
"""

import ssl
from pathlib import Path

import truststore


def context(ca_file: Path | None = None) -> ssl.SSLContext:
    """A verifying client context. Raises `OSError` (of which `ssl.SSLError` is one) for a CA file that is none."""
    made = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        made.load_verify_locations(cafile=ca_file)
    return made
