"""How the app is doing, for the diagnostics: the connection now and lately, how fast the last alert was, who we are."""

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from backend.contract.people import Me
from desktop.core import words
from desktop.core.views import ConnectionState

KEPT: Final = 50
_SAID: Final[dict[ConnectionState, str]] = {
    "connecting": "Connecting",
    "connected": "Live",
    "reconnecting": "Reconnecting",
    "offline": "Offline",
    "signed_out": "Signed out",
    "role_changed": "No access",
}


class Vitals:
    """`mono` is monotonic seconds, `wall` the server's UTC time, `heard` when the server was heard last.

    `since` is when the connection became what it is, in monotonic seconds; `round_trip_s` how long a word to the server
    and back took over it; `me` what the server last said of this sign-in. Both are null until somebody has asked.
    """

    def __init__(
        self, mono: Callable[[], float], wall: Callable[[], datetime], heard: Callable[[], float | None]
    ) -> None:
        self._mono = mono
        self._wall = wall
        self._heard = heard
        self._states: deque[tuple[datetime, ConnectionState]] = deque(maxlen=KEPT)
        self.since = mono()
        self.round_trip_s: float | None = None
        self.me: Me | None = None
        self._delay: timedelta | None = None
        self.by_requests = False

    def state(self, state: ConnectionState) -> None:
        """The connection as it is now; kept when it is another than before."""
        if not self._states or self._states[-1][1] != state:
            self._states.append((self._wall(), state))
            self.since = self._mono()
            self.round_trip_s = None

    def shown(self, sent_at: datetime) -> None:
        """An escalation that was sent then is on the screen now."""
        self._delay = max(timedelta(), self._wall() - sent_at)

    @property
    def live(self) -> bool:
        """Whether the connection is whole."""
        return bool(self._states) and self._states[-1][1] == "connected"

    @property
    def connection(self) -> str:
        """`Live for 2 h 14 min, last heartbeat 3 s ago, 41 ms`."""
        if not self._states:
            return "None"
        said = _SAID[self._states[-1][1]]
        now = self._mono()
        lasted = timedelta(seconds=now - self.since)
        said += f" for {words.spent(lasted) if lasted >= words.RECENT else f'{round(lasted.total_seconds())} s'}"
        heard = self._heard()
        if self.live and heard is not None:
            said += f", last heartbeat {max(0, round(now - heard))} s ago"
        if self.live and self.round_trip_s is not None:
            said += f", {max(1, round(self.round_trip_s * 1000))} ms"
        if self.live and self.by_requests:
            said += ", by requests: something on the way refuses the event stream"
        return said

    @property
    def delivery(self) -> str:
        """`Last escalation shown 0.6 s after it was sent`."""
        if self._delay is None:
            return "No escalation has been shown since the start"
        return f"Last escalation shown {self._delay.total_seconds():.1f} s after it was sent"

    @property
    def history(self) -> list[str]:
        """The last states with their times, oldest first."""
        return [f"{at.astimezone():%Y-%m-%d %H:%M:%S} {_SAID[state]}" for at, state in self._states]
