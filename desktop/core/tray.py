"""The tray icon's state and words. Precedence: signed out, offline, reconnecting, do not disturb, urgent, waiting.

Quiet hours look like do not disturb and say their own name.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from backend.contract.handoffs import QueueRow
from desktop.core import words
from desktop.core.views import ConnectionView, RowView, TrayState, TrayView

_BRIEF: Final[dict[TrayState, str]] = {"waiting": ", ", "urgent": " (", "dnd": ". "}


def tray_view(
    connection: ConnectionView,
    waiting: Sequence[QueueRow],
    *,
    wall: datetime,
    next_row: RowView | None,
    dnd_on: bool,
    dnd_until: datetime | None,
    quiet: tuple[bool, datetime | None] = (False, None),
) -> TrayView:
    """`waiting` is the sorted queue; `wall` the server's UTC time. The count is always the number waiting.

    `quiet` says whether quiet hours are on, and when that changes.
    """
    held = ("quiet hours", quiet[1]) if quiet[0] else None
    if dnd_on:
        held = ("do not disturb", dnd_until)
    state, text = _state(connection, waiting, wall, held)
    # The menu's first line goes without what its other entries say: whose is next, how many wait.
    brief = text.partition(_BRIEF[state])[0] if state in _BRIEF else text
    return TrayView(
        state=state,
        count=len(waiting),
        tooltip=f"FlowPilot: {text}",
        status_line=brief[:1].upper() + brief[1:],
        next_row=next_row if state not in {"offline", "signedOut"} else None,
        dnd_on=dnd_on,
    )


def _state(  # noqa: PLR0911 - one return for each state
    connection: ConnectionView,
    waiting: Sequence[QueueRow],
    wall: datetime,
    held: tuple[str, datetime | None] | None,
) -> tuple[TrayState, str]:
    match connection.state:
        case "signed_out":
            return "signedOut", "signed out. Open to sign in"
        case "role_changed":
            return "signedOut", "your role no longer includes escalations"
        case "offline":
            since = f" since {words.clock(connection.since)}" if connection.since else ""
            return "offline", f"offline{since}. Will not claim while offline"
        case "reconnecting" | "connecting":
            if connection.last_update is None:
                return "reconnecting", f"connecting to {connection.server}"
            return "reconnecting", f"reconnecting. Last update {words.clock_seconds(connection.last_update)}"
        case _:
            pass
    if held is not None:
        until = f" until {words.clock(held[1])}" if held[1] else ""
        return "dnd", f"{held[0]}{until}. {f'{len(waiting)} waiting' if waiting else 'Nothing waiting'}"
    if not waiting:
        return "idle", "nothing waiting"
    urgent = [row for row in waiting if row.priority == "urgent"]
    if urgent:
        customer = f" ({urgent[0].customer})" if urgent[0].customer else ""
        return "urgent", f"{len(waiting)} waiting, {len(urgent)} urgent{customer}"
    longest = words.waited(wall - min(row.created_at for row in waiting))
    return "waiting", f"{len(waiting)} waiting, longest {longest}"
