"""Times and names as people read them. Server time in, the user's own clock time out."""

from datetime import datetime, timedelta
from math import floor

RECENT = timedelta(seconds=60)


def clock(at: datetime) -> str:
    """`10:42` on the user's clock."""
    return at.astimezone().strftime("%H:%M")


def clock_seconds(at: datetime) -> str:
    """`10:46:02` on the user's clock."""
    return at.astimezone().strftime("%H:%M:%S")


def day_clock(at: datetime, today: datetime | None = None) -> str:
    """`today 09:12`, on other days than `today` (now, where it is null) `3 Nov 09:12`; on the user's clock."""
    local = at.astimezone()
    same = local.date() == (today or datetime.now().astimezone()).astimezone().date()
    return f"{'today' if same else f'{local.day} {local:%b}'} {clock(at)}"


def waited(span: timedelta) -> str:
    """`4:12` under an hour, `1 h 04 min` from there on; never negative, however the clocks differ."""
    seconds = max(0, floor(span.total_seconds()))
    if seconds < 3600:
        return f"{seconds // 60}:{seconds % 60:02d}"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


def spent(span: timedelta) -> str:
    """`9 min` under an hour, at least one; `1 h 04 min` from there on."""
    minutes = max(1, round(span.total_seconds() / 60))
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def when(at: datetime, now: datetime) -> str:
    """`4 s ago` for the first minute, `at 10:42` afterwards."""
    age = now - at
    if age < RECENT:
        return f"{max(1, round(age.total_seconds()))} s ago"
    return f"at {clock(at)}"


def first_name(name: str) -> str:
    """The name used after the full one has been said."""
    return name.split(maxsplit=1)[0] if name.strip() else name


def already_claimed(name: str, at: datetime | None, now: datetime) -> str:
    """The sentence for the one who was second: `Already claimed by Lee Park 4 s ago.`."""
    return f"Already claimed by {name} {when(at, now)}." if at else f"Already claimed by {name}."


def claimed_row(name: str, at: datetime | None, now: datetime) -> str:
    """`Claimed by Lee Park, 4 s ago`, the line a queue row shows before it leaves."""
    return f"Claimed by {name}, {when(at, now)}" if at else f"Claimed by {name}"


def reserved(name: str, until: datetime) -> str:
    """For whom alone it is: `For Dana Reyes until 10:42`."""
    return f"For {name} until {clock(until)}"


def names(items: list[str], most: int = 4) -> str:
    """`A, B, C, D and 3 more`."""
    unique = list(dict.fromkeys(items))
    more = len(unique) - most
    return ", ".join(unique[:most]) + (f" and {more} more" if more > 0 else "")
