"""What a terminal is told of a token that came by standard input.

Whoever starts the app in a terminal has no window to read the outcome from: one plain line says it, and a token that
the server does not know ends the app. A server that does not answer is waited for; that is said once.
"""

import logging
import sys
from collections.abc import Callable
from typing import Final

REFUSED: Final = 2
_LOG: Final = logging.getLogger(__name__)


class FirstSignIn:
    """`desktop.core.ports.SignInWatcher`. `accepted` is called once; `give_up` with the exit code.

    `later` is called when a token that was good once is refused.
    """

    def __init__(
        self,
        server: str,
        *,
        accepted: Callable[[], None],
        give_up: Callable[[int], None],
        later: Callable[[], None] = lambda: None,
    ) -> None:
        self._server = server
        self._accepted = accepted
        self._give_up = give_up
        self._later = later
        self._over = False
        self._waiting = False

    def signed_in(self) -> None:
        """The server greeted."""
        if not self._over:
            self._over = True
            self._accepted()

    def refused(self) -> None:
        """The token is not valid; later than at the first sign-in the app asks for a new one."""
        if self._over:
            self._later()
            return
        self._over = True
        _say("The server does not know this token. Check that it is complete and has not expired.")
        self._give_up(REFUSED)

    def unreachable(self, reason: str) -> None:
        """No answer; the link tries again by itself."""
        if not self._over and not self._waiting:
            self._waiting = True
            _say(f"{self._server} does not answer ({reason}). Trying again until it does.")


def _say(text: str) -> None:
    _LOG.warning("%s", text)
    sys.stderr.write(f"flowpilot-tray: {text}\n")
    sys.stderr.flush()
