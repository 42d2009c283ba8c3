"""The words people read: tray tooltips as specified, times, and the retry pace behind them."""

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.contract.handoffs import QueueRow
from desktop.core import words
from desktop.core.backoff import Backoff
from desktop.core.presence import Connection, DoNotDisturb
from desktop.core.tray import tray_view
from desktop.core.views import ConnectionState, ConnectionView, TrayView
from desktop.version import version
from tests.unit.desktop.samples import T0, row

THREE = [row("a"), row("b", minute=1), row("c", minute=2)]
NOW = T0 + timedelta(minutes=4, seconds=12)


def tray(
    state: ConnectionState = "connected",
    waiting: list[QueueRow] | None = None,
    *,
    dnd_on: bool = False,
    dnd_until: datetime | None = None,
    last_update: datetime | None = T0,
) -> TrayView:
    connection = ConnectionView(state=state, server="https://flow.test", since=T0, last_update=last_update)
    return tray_view(connection, waiting or [], wall=NOW, next_row=None, dnd_on=dnd_on, dnd_until=dnd_until)


def local(at: datetime, form: str) -> str:
    return at.astimezone().strftime(form)


def test_a_time_that_is_read_days_later_names_its_day() -> None:
    assert words.day_clock(NOW, NOW) == f"today {local(NOW, '%H:%M')}"
    assert words.day_clock(NOW, NOW + timedelta(days=2)).endswith(f" {local(NOW, '%b %H:%M')}")
    assert words.day_clock(datetime.now(UTC)).startswith("today ")


def test_tooltips_are_as_specified() -> None:
    assert tray().tooltip == "FlowPilot: nothing waiting"
    assert tray(waiting=THREE).tooltip == "FlowPilot: 3 waiting, longest 4:12"
    urgent = [row("u", priority="urgent", customer="Kestrel Logistics"), *THREE]
    assert tray(waiting=urgent).tooltip == "FlowPilot: 4 waiting, 1 urgent (Kestrel Logistics)"
    until = tray(waiting=THREE[:2], dnd_on=True, dnd_until=NOW)
    assert until.tooltip == f"FlowPilot: do not disturb until {local(NOW, '%H:%M')}. 2 waiting"
    lines = [tray(waiting=THREE).status_line, tray(waiting=urgent).status_line, until.status_line]
    assert lines == ["3 waiting", "4 waiting, 1 urgent", f"Do not disturb until {local(NOW, '%H:%M')}"]
    assert tray("reconnecting").tooltip == f"FlowPilot: reconnecting. Last update {local(T0, '%H:%M:%S')}"
    assert tray("offline").tooltip == f"FlowPilot: offline since {local(T0, '%H:%M')}. Will not claim while offline"
    assert tray("signed_out").tooltip == "FlowPilot: signed out. Open to sign in"
    assert tray("connecting", last_update=None).tooltip == "FlowPilot: connecting to https://flow.test"


@pytest.mark.parametrize(
    ("state", "dnd", "waiting", "shown"),
    [
        ("signed_out", True, THREE, "signedOut"),
        ("offline", True, THREE, "offline"),
        ("reconnecting", True, THREE, "reconnecting"),
        ("connected", True, [row(priority="urgent")], "dnd"),
        ("connected", False, [row(priority="urgent")], "urgent"),
        ("connected", False, THREE, "waiting"),
        ("connected", False, [], "idle"),
    ],
)
def test_precedence(state: ConnectionState, dnd: bool, waiting: list[QueueRow], shown: str) -> None:
    assert tray(state, waiting, dnd_on=dnd).state == shown


def test_waiting_times() -> None:
    assert words.waited(timedelta(seconds=252)) == "4:12"
    assert words.waited(timedelta(hours=1, minutes=4)) == "1 h 04 min"
    assert words.waited(timedelta(seconds=-3)) == "0:00"


def test_ago_is_said_for_a_minute_only() -> None:
    assert words.already_claimed("Lee Park", T0, T0 + timedelta(seconds=4)) == "Already claimed by Lee Park 4 s ago."
    later = words.already_claimed("Lee Park", T0, T0 + timedelta(seconds=60))
    assert later == f"Already claimed by Lee Park at {local(T0, '%H:%M')}."


@given(st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=12))
def test_a_list_of_names_never_hides_how_many_there_are(names: list[str]) -> None:
    shown = words.names(names)
    unique = list(dict.fromkeys(names))
    assert (f" and {len(unique) - 4} more" in shown) == (len(unique) > 4)


def test_retries_double_to_60_s_with_full_jitter_and_start_anew_only_after_30_s_of_calm() -> None:
    ceilings: list[float] = []

    def top(low: float, high: float) -> float:
        assert low == 0
        ceilings.append(high)
        return high

    backoff = Backoff(top)
    for _ in range(8):
        backoff.delay()
    assert ceilings == [1, 2, 4, 8, 16, 32, 60, 60]
    backoff.linked_for(29)
    assert backoff.delay() == 60
    backoff.linked_for(30)
    assert backoff.delay() == 1


def test_reconnecting_becomes_offline_after_30_s() -> None:
    connection = Connection("https://flow.test", 0)
    connection.live(T0)
    connection.down(100, T0, 2)
    assert (connection.state(129.9), connection.state(130)) == ("reconnecting", "offline")
    connection.down(140, T0, 60)
    assert connection.state(141) == "offline"
    connection.live(T0)
    assert connection.state(142) == "connected"


def test_signed_out_stays_signed_out_when_the_server_goes() -> None:
    connection = Connection("https://flow.test", 0)
    connection.signed_out(T0)
    connection.down(5, T0, 1)
    assert connection.state(100) == "signed_out"


def test_do_not_disturb_until_tomorrow_ends_at_8_on_the_users_clock() -> None:
    dnd = DoNotDisturb()
    dnd.choose("tomorrow", T0)
    assert dnd.until is not None
    ends = dnd.until.astimezone()
    assert (ends.hour, ends.minute, (ends.date() - T0.astimezone().date()).days) == (8, 0, 1)
    assert not dnd.expire(dnd.until - timedelta(seconds=1))
    assert dnd.expire(dnd.until)
    assert not dnd.on


def test_do_not_disturb_for_30_minutes_and_off() -> None:
    dnd = DoNotDisturb()
    dnd.choose(30, T0)
    assert dnd.until == T0 + timedelta(minutes=30)
    dnd.choose("on", T0)
    assert dnd.on
    assert not dnd.expire(datetime.max.replace(tzinfo=UTC))
    dnd.choose("off", T0)
    assert not dnd.on


def test_the_version_is_the_packages() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    assert project["version"] == version()
