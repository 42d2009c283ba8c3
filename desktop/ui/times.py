"""How time is written: waiting clocks, clock times, dates when not today. Local time of this computer."""

from datetime import UTC, datetime, timedelta


def waiting_text(waited: timedelta) -> str:
    """`4:12` under one hour, `1 h 04 min` from one hour on; a clock that runs ahead reads `0:00`."""
    seconds = max(0, int(waited.total_seconds()))
    if seconds < 3600:
        return f"{seconds // 60}:{seconds % 60:02}"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02} min"


def clock_text(at: datetime, now: datetime, *, seconds: bool = False) -> str:
    """`10:42`, or `10:42:08` with seconds, with the date in front if not today."""
    local = at.astimezone()
    text = local.strftime("%H:%M:%S" if seconds else "%H:%M")
    if local.date() == now.astimezone().date():
        return text
    return f"{local.day} {local:%b} {text}"


def utc_now() -> datetime:
    """This computer's clock, aware."""
    return datetime.now(UTC)
