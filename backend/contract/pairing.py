"""Signing the desktop app in through the browser: what both sides must agree on (RFC 6749, 7636, 8252, 8414, 9207)."""

import hashlib
from typing import Final

CLIENT_ID: Final = "flowpilot-tray"
"""The one public client: it has no secret, the code verifier stands for it."""
CALLBACK_PATH: Final = "/callback"
METADATA_PATH: Final = "/.well-known/oauth-authorization-server"
REFRESH_PREFIX: Final = "fprt_"
ACCESS_PREFIX: Final = "fpda_"
REQUEST_LIFE_S: Final = 300
"""How long a request may wait for its person, in seconds."""
MINIMUM_APP_VERSION: Final = "0.1"
"""The oldest desktop app that this server works with; told as `flowpilot_minimum_app_version`."""

LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # without 0, O, 1, I, L, which people confuse


def pairing_code(challenge: str, state: str) -> str:
    """What the app and the page both show, for instance `KQ7F-2MXR`: derived from the request, so nothing is sent."""
    number = int.from_bytes(hashlib.sha256(f"pairing code\n{challenge}\n{state}".encode()).digest(), "big")
    letters = ""
    for _ in range(8):
        number, place = divmod(number, len(LETTERS))
        letters += LETTERS[place]
    return f"{letters[:4]}-{letters[4:]}"
