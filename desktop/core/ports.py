"""What the rules need from the world, as protocols, and the errors that cross the border.

ApiError
├── UnreachableError    no answer; `sent` says whether the server may have got the request
│   └── CertificateError
├── SignedOutError      401: the token is unknown, expired or revoked
├── NotAServerError     something answered, but it is no FlowPilot server
└── RefusedError        problem+json with a stable `code`
SocketClosedError       the event stream ended, with its close code
ToastFailedError        the notification service did not take it, with the reason for the receipt
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Protocol

from backend.contract.events import TrialAlert
from backend.contract.handoffs import ClaimResult, Handoff, QueuePage
from backend.contract.people import Me, Person
from desktop.core.views import DetailView, QueueView, ToastAction, ToastView, TrayView

CLOSE_ABNORMAL: Final = 1006
"""The link just broke, or was given up: nobody said why."""


class ApiError(Exception):
    """A call to the server that did not give its answer."""


class UnreachableError(ApiError):
    """No answer. With `sent` false nothing has left this computer."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.sent = sent


class CertificateError(UnreachableError):
    """The server's certificate could not be verified; nothing was sent."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, sent=False)


class SignedOutError(ApiError):
    """The server does not know this token any more."""


class NotAServerError(ApiError):
    """The address answers, but not as a FlowPilot server does."""


class RefusedError(ApiError):
    """A problem with a stable code; `extra` holds its extension members."""

    def __init__(self, status: int, code: str, detail: str, extra: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.detail = detail
        self.extra = dict(extra or {})

    @property
    def claimed_by(self) -> Person | None:
        """The holder named by `already_claimed` and `claim_lost`."""
        match self.extra.get("claimed_by"):
            case {"id": str(user_id), "name": str(name)}:
                return Person(id=user_id, name=name)
            case _:
                return None

    @property
    def claimed_at(self) -> datetime | None:
        """When the holder claimed, as the server says."""
        match self.extra.get("claimed_at"):
            case str(text):
                try:
                    return datetime.fromisoformat(text)
                except ValueError:
                    return None
            case _:
                return None


class SocketClosedError(Exception):
    """The stream ended. `code` is the WebSocket close code, 1006 when the link just broke.

    `answered` says that the server itself refused it, and not something on the way.
    """

    def __init__(
        self, code: int, reason: str = "", retry_after_s: float | None = None, *, answered: bool = False
    ) -> None:
        super().__init__(f"{code} {reason}".strip())
        self.code = code
        self.retry_after_s = retry_after_s
        self.answered = answered


class ToastFailedError(Exception):
    """The toast did not reach the screen; the text is the receipt's reason."""


class Api(Protocol):
    """The HTTP calls. Each raises `ApiError`."""

    async def me(self) -> Me:
        """Who the token belongs to."""
        ...

    async def queue(self) -> QueuePage:
        """The whole waiting queue, all pages, with the `seq` of the first."""
        ...

    async def handoff(self, handoff_id: str) -> Handoff:
        """One handoff with its escalation package."""
        ...

    async def claim(self, handoff_id: str) -> ClaimResult:
        """Claim; `already_yours` for one that is held already, with a fresh ticket."""
        ...

    async def release(self, handoff_id: str, note: str) -> Handoff:
        """Hand back to the queue."""
        ...

    async def test_notification(self) -> TrialAlert:
        """Have one sent to this app over its stream."""
        ...


class Socket(Protocol):
    """One open event stream."""

    async def send(self, text: str) -> None:
        """Raise `SocketClosedError` when it is gone."""
        ...

    async def receive(self) -> str | bytes:
        """The next frame; raises `SocketClosedError`."""
        ...

    async def echo(self) -> float:
        """Seconds to the server and back; raises `SocketClosedError`."""
        ...

    async def close(self) -> None:
        """Close; never raises."""
        ...


class Connector(Protocol):
    """Opens event streams. Reconnecting is the link's business."""

    async def connect(self) -> Socket:
        """Raise `ApiError`, or `SocketClosedError` when the handshake was refused."""
        ...


class Toasts(Protocol):
    """Puts alerts on the screen."""

    async def show(self, view: ToastView) -> str:
        """Show, or replace the one with the same id in place. Answer how: `system`, `window`, `queued`.

        `queued` is not on the screen yet; `toast_came_up` tells. Returns when the service has accepted it; raises
        `ToastFailedError`.
        """
        ...

    async def withdraw(self, toast_id: str) -> None:
        """Take it off the screen; an unknown id is nothing."""
        ...


class ToastListener(Protocol):
    """What a person does with a toast."""

    def toast_pressed(self, toast_id: str, action: ToastAction) -> None:
        """A button, or the body, was pressed."""
        ...

    def toast_closed(self, toast_id: str) -> None:
        """It left the screen by itself or by the user's hand."""
        ...

    def toast_came_up(self, toast_id: str) -> None:
        """One that was `queued` is on the screen now."""
        ...

    def toast_failed(self, toast_id: str, reason: str) -> None:
        """One that was `queued` should be on the screen by now, and is not."""
        ...


class Browser(Protocol):
    """The default browser."""

    async def open(self, url: str) -> bool:
        """Whether a browser took the address."""
        ...


class Sounds(Protocol):
    """What can be heard."""

    @property
    def plays(self) -> bool:
        """Whether this computer has a player; without one only the notification service may sound."""
        ...

    def ring(self, notes: int) -> None:
        """Play that many notes, and return at once."""
        ...


class Screen(Protocol):
    """Everything drawn."""

    def show_queue(self, view: QueueView) -> None:
        """Draw the list."""
        ...

    def show_detail(self, view: DetailView | None) -> None:
        """Draw the right side."""
        ...

    def show_tray(self, view: TrayView) -> None:
        """Draw the icon."""
        ...

    def raise_window(self) -> None:
        """Bring the queue window to the front."""
        ...

    def ask_sign_in(self) -> None:
        """Open the sign-in window."""
        ...

    def copy_text(self, text: str) -> None:
        """Put a text on the clipboard."""
        ...


class SignInWatcher(Protocol):
    """Hears what became of the token, from the start to the first greeting and after."""

    def signed_in(self) -> None:
        """The server greeted."""
        ...

    def refused(self) -> None:
        """The server does not know the token."""
        ...

    def unreachable(self, reason: str) -> None:
        """There is no stream; the link tries again."""
        ...


class Clock(Protocol):
    """Time, so that tests own it."""

    def monotonic(self) -> float:
        """Seconds that only go forward; the loop's own. They may stand still while the computer sleeps."""
        ...

    def elapsed(self) -> float:
        """Seconds that only go forward, sleep included."""
        ...

    def now(self) -> datetime:
        """This computer's UTC time."""
        ...


class Trace(Protocol):
    """Milestones for measurements and tests; no customer text, no token, no ticket."""

    def mark(self, name: str, **fields: object) -> None:
        """Note that this happened now."""
        ...
