"""Connection and do not disturb: the two states that colour everything else."""

from datetime import datetime, time, timedelta
from typing import Final, Literal

from desktop.core.views import ConnectionState, ConnectionView

OFFLINE_AFTER_S: Final = 30.0
FIRST_LOAD_S: Final = 10.0
_WAKES_AT_HOUR: Final = 8

DndChoice = int | Literal["tomorrow", "on", "off"]


class Connection:
    """The link as people see it. `now` is monotonic seconds, `wall` the server's UTC time."""

    def __init__(self, server: str, now: float) -> None:
        self.server = server
        self._base: Literal["down", "live", "signed_out", "role_changed"] = "down"
        self._down_at = now
        self._down_since: datetime | None = None
        self._ever_live = False
        self.last_update: datetime | None = None
        self.retry_at: datetime | None = None

    def live(self, wall: datetime) -> None:
        """All is known."""
        self._base, self._ever_live = "live", True
        self.last_update, self.retry_at, self._down_since = wall, None, None

    def down(self, now: float, wall: datetime, retry_in_s: float | None) -> None:
        """The stream is gone, or still is. Signed out and a changed role say more than that, and stay."""
        if self._base in {"signed_out", "role_changed"}:
            return
        if self._base != "down":
            self._base, self._down_at = "down", now
        self._down_since = self._down_since or wall
        self.retry_at = wall + timedelta(seconds=retry_in_s) if retry_in_s is not None else None

    def signed_out(self, wall: datetime) -> None:
        """The token is not valid."""
        self._base, self._down_since = "signed_out", wall

    def role_changed(self, wall: datetime) -> None:
        """The role does not include escalations any more."""
        self._base, self._down_since = "role_changed", wall

    def again(self, now: float) -> None:
        """The role is back: begin as at the start."""
        self._base, self._down_at, self._down_since, self._ever_live = "down", now, None, False

    def state(self, now: float) -> ConnectionState:
        """Reconnecting for 30 s (10 s at the first load), then offline."""
        if self._base == "live":
            return "connected"
        if self._base != "down":
            return self._base
        if now - self._down_at >= self._patience:
            return "offline"
        return "reconnecting" if self._ever_live else "connecting"

    @property
    def hides(self) -> bool:
        """Whether the user is not to see the queue: signed out, or without the role."""
        return self._base in {"signed_out", "role_changed"}

    def deadline(self, now: float) -> float | None:
        """When the state changes by itself."""
        turns = self._down_at + self._patience
        return turns if self._base == "down" and now < turns else None

    def view(self, now: float) -> ConnectionView:
        """For the screen."""
        return ConnectionView(
            state=self.state(now),
            server=self.server,
            since=self._down_since,
            last_update=self.last_update,
            retry_at=self.retry_at,
        )

    @property
    def _patience(self) -> float:
        return OFFLINE_AFTER_S if self._ever_live else FIRST_LOAD_S


class DoNotDisturb:
    """Off, on until a time, or on until turned off."""

    def __init__(self) -> None:
        self.on = False
        self.until: datetime | None = None

    def choose(self, choice: DndChoice, wall: datetime) -> None:
        """Minutes, `tomorrow` (08:00 on the user's clock), `on`, `off`."""
        self.on, self.until = choice != "off", None
        if choice == "tomorrow":
            tomorrow = wall.astimezone().date() + timedelta(days=1)
            # Without an offset `astimezone` reads local time, so a change of summer time in the night is no hour off.
            self.until = datetime.combine(tomorrow, time(_WAKES_AT_HOUR)).astimezone(wall.tzinfo)
        elif isinstance(choice, int):
            self.until = wall + timedelta(minutes=choice)

    def expire(self, wall: datetime) -> bool:
        """Whether it has just ended by itself."""
        if not self.on or self.until is None or wall < self.until:
            return False
        self.on, self.until = False, None
        return True
