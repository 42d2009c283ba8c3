"""What the user's settings do to an alert: held, kept away and said so, heard once or again and again."""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import get_args

from desktop.core.alerting import Alerting, Scope, veiled
from desktop.core.notify import OFF, QUIET, Show, Tell
from desktop.core.ringer import Ringer
from desktop.core.rounds import Round
from desktop.core.toasts import digest, new
from desktop.core.views import ToastView
from desktop.settings.schema import BY_NAME
from tests.unit.desktop.policy_desk import Desk, shows
from tests.unit.desktop.samples import LEE, T0, row

SCOPES: tuple[Scope, ...] = get_args(Scope)


def wishing(alerting: Alerting) -> Desk:
    desk = Desk()
    desk.notifier.alerting = alerting
    return desk


def test_quiet_hours_hold_toasts_with_their_own_reason_and_let_urgent_through() -> None:
    desk = wishing(Alerting())
    desk.mute(QUIET)
    assert desk.happens("handoff.created", row("h1")) == [Tell(Round("h1", 0), "suppressed", "quiet hours")]
    assert shows(desk.happens("handoff.created", row("h2", priority="urgent"))) == [("h2", "new")]
    assert shows(desk.happens("handoff.created", row("h3", breaks_dnd=True))) == [("h3", "new")]
    assert shows(desk.mute(None)) == [("h1", "new")], "they end with what still waits"


def test_quiet_hours_end_with_nothing_for_what_was_claimed_meanwhile() -> None:
    desk = wishing(Alerting(through_quiet=frozenset()))
    desk.mute(QUIET)
    desk.happens("handoff.created", row("h1", priority="urgent"))
    desk.happens("handoff.claimed", row("h1", priority="urgent", status="claimed", holder=LEE))
    assert desk.mute(None) == []


def test_do_not_disturb_that_ends_in_quiet_hours_frees_only_what_comes_through_them() -> None:
    desk = wishing(Alerting())
    desk.mute("do not disturb")
    desk.happens("handoff.created", row("h1"))
    desk.happens("handoff.created", row("h2", priority="urgent"))
    assert shows(desk.mute(QUIET)) == [("h2", "new")]
    assert shows(desk.mute(None)) == [("h1", "new")]


def test_what_the_user_turned_off_is_told_to_the_server_so_that_others_hear_of_it() -> None:
    desk = wishing(Alerting(toast=frozenset({"urgent"})))
    assert desk.happens("handoff.created", row("h1", priority="low")) == [Tell(Round("h1", 0), "suppressed", OFF)]
    desk.mute(QUIET)
    assert desk.mute(None) == [], "off is off: nothing is made up for at the end of quiet hours"
    many = Desk(live=False)
    many.notifier.alerting = Alerting(toast=frozenset({"urgent", "high"}))
    many.inbox.load([row("l", priority="low"), *(row(f"h{each}", priority="high") for each in range(3))])
    *told, shown = many.settle(1)
    assert told == [Tell(Round("l", 0), "suppressed", OFF)]
    assert isinstance(shown, Show)
    assert shown.view.title == "3 waiting", "a digest counts what the user wants to hear of"


def test_only_for_me_leaves_the_rest_to_the_queue() -> None:
    mine, nobodys, lees = row("m", target="u-dana"), row("n"), row("l", target=LEE.id)
    heard = {}
    for scope in SCOPES:
        desk = wishing(Alerting(scope=scope))
        shown = [shows(desk.happens("handoff.created", each)) for each in (mine, nobodys, lees)]
        heard[scope] = [handoff_id for each in shown for handoff_id, _ in each]
    assert heard == {"all": ["m", "n", "l"], "mine_and_unassigned": ["m", "n"], "mine": ["m"]}


def test_sound_and_repeats_follow_the_matrix() -> None:
    desk = wishing(Alerting(sound=frozenset({"low", "urgent"}), repeat=frozenset({"urgent", "high"}), repeat_s=90))
    made = {}
    for priority in ("low", "normal", "high", "urgent"):
        desk = wishing(desk.notifier.alerting)
        [alert] = desk.happens("handoff.created", row(priority, priority=priority))
        assert isinstance(alert, Show)
        made[priority] = (alert.view.sound, alert.view.repeats, alert.view.note)
    assert made == {
        "low": (True, False, None),
        "normal": (False, False, None),
        "high": (False, False, None),
        "urgent": (True, True, "Repeats every 90 s"),
    }


def test_a_locked_screen_says_no_more_than_it_may() -> None:
    view = new(row(priority="high"))
    assert veiled(view, "full") == view
    brief = veiled(view, "brief")
    assert (brief.title, brief.body, brief.priority) == ("Harlow Dental Group", "", "high")
    assert {Alerting().lock_text, BY_NAME["lock_screen.text"].default} == {"brief"}, "terse where nobody has chosen"
    nothing = veiled(view, "none")
    assert (nothing.title, nothing.body, nothing.priority, nothing.customer) == (
        "A hand-off is waiting",
        "",
        None,
        None,
    )
    assert nothing.buttons == view.buttons
    several = digest([row("a"), row("b", customer="Kestrel")], T0, away=True)
    assert "Kestrel" not in repr(veiled(several, "none").body)


@dataclass
class Bell:
    """What was heard, and when."""

    plays: bool = True
    now: float = 100.0
    heard: list[tuple[float, int]] = field(default_factory=list)
    renewed: list[str] = field(default_factory=list)

    def ring(self, notes: int) -> None:
        self.heard.append((self.now, notes))

    def ringer(self) -> Ringer:
        return Ringer(self, lambda: self.now, self.renewed.append)

    def wait(self, ringer: Ringer, seconds: float) -> None:
        """Go on as the app's one alarm does."""
        end = self.now + seconds
        while (due := ringer.deadline) is not None and due <= end:
            self.now = due
            ringer.on_time()
        self.now = end


def toast(toast_id: str, *, urgent: bool = False) -> ToastView:
    return ToastView(id=toast_id, variant="new", title="t", body="b", urgent=urgent, sound=True, repeats=urgent)


def test_an_urgent_sound_repeats_each_minute_until_it_is_acted_on() -> None:
    bell = Bell()
    ringer = bell.ringer()
    ringer.shown(toast("u", urgent=True))
    bell.wait(ringer, 125)
    assert bell.heard == [(100.0, 3), (160.0, 3), (220.0, 3)]
    ringer.gone("u")
    assert ringer.deadline is None
    bell.wait(ringer, 500)
    assert len(bell.heard) == 3


def test_two_sounds_are_never_heard_within_two_seconds() -> None:
    bell = Bell()
    ringer = bell.ringer()
    for number in range(50):
        ringer.shown(toast(f"u{number}", urgent=number % 2 == 0))
        bell.now += 0.1
    times = [at for at, _ in bell.heard]
    assert all(later - earlier >= 2 for earlier, later in pairwise(times))
    bell.wait(ringer, 61)
    assert len(bell.heard) > len(times), "they do repeat"
    assert all(later - earlier >= 2 for (earlier, _), (later, _) in pairwise(bell.heard))


def test_the_outcome_of_a_claim_ends_the_repeats_and_hush_ends_those_that_are_held_now() -> None:
    bell = Bell()
    ringer = bell.ringer()
    ringer.shown(toast("a", urgent=True))
    ringer.shown(toast("b", urgent=True))
    ringer.shown(ToastView(id="a", variant="claimed", title="t", body="b"))
    assert ringer.loud == ("b",)
    ringer.hush(["b", "unknown"])
    assert ringer.deadline is None


def test_without_a_player_the_notification_itself_is_renewed() -> None:
    bell = Bell(plays=False)
    ringer = bell.ringer()
    ringer.shown(toast("u", urgent=True))
    bell.wait(ringer, 60)
    assert (bell.heard, bell.renewed) == ([], ["u"])


def test_a_desktop_that_holds_notifications_back_is_silent() -> None:
    bell = Bell()
    ringer = bell.ringer()
    ringer.silent = True
    ringer.shown(toast("u", urgent=True))
    bell.wait(ringer, 70)
    assert bell.heard == []
    ringer.silent = False
    bell.wait(ringer, 60)
    assert len(bell.heard) == 1
