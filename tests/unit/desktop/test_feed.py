"""The event stream's client: in order, once, without a gap, and never silent for long without noticing."""

import json

from desktop.core.feed import Apply, CaughtUp, Effect, Feed, Greeted, HangUp, Refetch, Send
from tests.unit.desktop.samples import frame, hello


def linked(seq: int = 5, head: int | None = None, *, epoch: str = "e1") -> Feed:
    """A feed that is live at `seq`."""
    feed = Feed()
    feed.opened(0)
    feed.received(hello(epoch=epoch, head=head if head is not None else seq), 0)
    feed.queue_loaded(seq, 0)
    return feed


def seqs(effects: list[Effect]) -> list[int]:
    return [effect.event.seq for effect in effects if isinstance(effect, Apply)]


def sent(effects: list[Effect]) -> list[dict[str, object]]:
    return [json.loads(effect.text) for effect in effects if isinstance(effect, Send)]


def kinds(effects: list[Effect]) -> list[type]:
    return [type(effect) for effect in effects]


def test_first_start_fetches_the_queue_and_goes_on_from_its_seq() -> None:
    feed = Feed()
    feed.opened(0)
    assert kinds(feed.received(hello(head=7), 0)) == [Greeted, Refetch]
    effects = feed.queue_loaded(7, 0)
    assert sent(effects) == [{"type": "resume", "after": 7, "epoch": "e1"}]
    assert kinds(effects) == [Send, CaughtUp]


def test_a_reconnect_resumes_from_the_cursor_without_fetching() -> None:
    feed = linked(5)
    feed.received(frame(6), 1)
    feed.closed()
    feed.opened(2)
    effects = feed.received(hello(head=9), 2)
    assert sent(effects) == [{"type": "resume", "after": 6, "epoch": "e1"}]
    assert CaughtUp not in kinds(effects)
    assert CaughtUp not in kinds(feed.received(frame(7), 2) + feed.received(frame(8), 2))
    assert CaughtUp in kinds(feed.received(frame(9), 2))


def test_an_event_before_resume_is_not_applied() -> None:
    feed = Feed()
    feed.opened(0)
    feed.received(hello(head=7), 0)
    assert feed.received(frame(8), 0) == []


def test_a_duplicate_is_dropped() -> None:
    feed = linked(5)
    assert seqs(feed.received(frame(6), 1)) == [6]
    assert seqs(feed.received(frame(6), 1)) == []
    assert feed.cursor == 6


def test_a_gap_asks_again_once_and_applies_nothing_out_of_order() -> None:
    feed = linked(5)
    effects = feed.received(frame(7), 1)
    assert sent(effects) == [{"type": "resume", "after": 5, "epoch": "e1"}]
    assert seqs(effects) == []
    assert feed.received(frame(8), 1) == []
    assert seqs(feed.received(frame(6), 1) + feed.received(frame(7), 1)) == [6, 7]


def test_positions_that_were_never_meant_for_this_client_are_no_gap() -> None:
    feed = linked(5)
    assert seqs(feed.received(frame(9, prev=5), 1)) == [9]


def test_behind_the_head_for_5_s_asks_again_and_then_more_and_more_seldom() -> None:
    feed = linked(5)
    feed.received(json.dumps({"type": "heartbeat", "head": 8}), 10)
    assert feed.deadline == 15
    assert feed.on_time(14.9) == []
    assert sent(feed.on_time(15)) == [{"type": "resume", "after": 5, "epoch": "e1"}]
    assert feed.deadline == 25
    assert sent(feed.on_time(25))
    assert feed.deadline == 45


def test_progress_takes_the_patience_back_to_5_s() -> None:
    feed = linked(5)
    feed.received(json.dumps({"type": "heartbeat", "head": 8}), 10)
    feed.on_time(15)
    assert seqs(feed.received(frame(6), 16)) == [6]
    feed.on_time(18)
    assert feed.deadline == 21
    feed.received(frame(7), 17)
    feed.received(frame(8), 17)
    assert sent(feed.on_time(30)) == [{"type": "ack", "seq": 8}]


def test_a_reset_fetches_the_queue_under_the_new_epoch() -> None:
    feed = linked(5)
    reset = json.dumps({"type": "reset", "epoch": "e2", "head": 90, "reason": "trimmed"})
    assert kinds(feed.received(reset, 1)) == [Refetch]
    assert feed.received(frame(91), 1) == []
    assert sent(feed.queue_loaded(92, 1)) == [{"type": "resume", "after": 92, "epoch": "e2"}]
    assert feed.received(frame(91), 1) == []
    assert seqs(feed.received(frame(93), 1)) == [93]


def test_another_epoch_or_a_shorter_log_at_hello_fetches_the_queue() -> None:
    for greeting in (hello(epoch="e2", head=50), hello(epoch="e1", head=3)):
        feed = linked(5)
        feed.closed()
        feed.opened(1)
        assert Refetch in kinds(feed.received(greeting, 1))


def test_silence_for_two_heartbeats_and_a_bit_hangs_up() -> None:
    feed = linked(5)
    feed.received(json.dumps({"type": "heartbeat", "head": 5}), 100)
    assert feed.on_time(143.9) == []
    assert kinds(feed.on_time(150)) == [HangUp]


def test_a_server_that_never_greets_is_left() -> None:
    feed = Feed()
    feed.opened(0)
    assert kinds(feed.on_time(15)) == [HangUp]


def test_bye_is_obeyed_with_the_servers_delay() -> None:
    feed = linked(5)
    assert feed.received(json.dumps({"type": "bye", "retry_after_ms": 1500}), 1) == [HangUp("bye", 1.5)]


def test_acks_go_at_most_every_2_s_and_name_the_last_applied() -> None:
    feed = linked(5)
    assert sent(feed.received(frame(6), 10)) == [{"type": "ack", "seq": 6}]
    assert sent(feed.received(frame(7), 10.5)) == []
    assert sent(feed.received(frame(8), 11)) == []
    assert feed.deadline == 12
    assert sent(feed.on_time(12)) == [{"type": "ack", "seq": 8}]
    assert feed.on_time(20) == []


def test_unknown_frames_and_kinds_of_a_newer_server_are_passed_over() -> None:
    feed = linked(5)
    assert feed.received(json.dumps({"type": "weather", "sun": True}), 1) == []
    assert seqs(feed.received(frame(6, kind="handoff.sparkled"), 1)) == []
    assert seqs(feed.received(frame(7), 1)) == [7]


def test_what_is_no_frame_ends_the_stream_instead_of_the_app() -> None:
    broken = ("{", "[]", json.dumps({"type": "event", "seq": "x"}), b"\xff\xfe", json.dumps({"type": "hello"}))
    for text in broken:
        assert kinds(linked(5).received(text, 1)) == [HangUp]


def test_idle_needs_only_the_watchdog() -> None:
    feed = linked(5)
    feed.received(json.dumps({"type": "heartbeat", "head": 5}), 100)
    assert feed.deadline == 144
