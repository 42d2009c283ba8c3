"""The event log and its socket: in order, without gap or duplicate, whatever is cut, lost, restarted or forged."""

import asyncio
import contextlib
import json
import random
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.conftest import Http, StartServer
from tests.support.flow import API, Owner, act, claimed, escalated, log_of, open_session
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.stream import WITHIN_S, EventClient, bearer, listening, stream_url

People = Callable[..., Awaitable[Crew]]


async def test_two_servers_writing_at_once_leave_no_gap_for_a_reader_that_follows(
    people: People, start_server: StartServer, server: Server, http: Http
) -> None:
    """A log numbered before the commit loses rows to a reader that is already past them."""
    other = await start_server(FLOWPILOT_WORKER="off")  # nothing but what is written here stands in the log
    crew = await people()
    writers = [http(crew.technician, at=(server, other)[n % 2]) for n in range(6)]
    total = 6 * 6

    async def tail(at: Server) -> list[int]:
        async with http(crew.viewer, at=at) as reader:
            seen: list[int] = []
            while len(seen) < total:
                page = (await reader.get(f"{API}/events", params={"after": seen[-1] if seen else 0, "wait": 5})).json()
                seen += [event["seq"] for event in page["events"]]
            return seen

    async with listening(server, crew.engineer) as here, listening(other, crew.engineer) as there:
        await here.resume(0)
        await there.resume(0)
        tails = [asyncio.create_task(tail(server)), asyncio.create_task(tail(other))]
        await asyncio.gather(*(write_six(writer) for writer in writers))
        assert await here.until(total) == await there.until(total), "both processes tell the same, in the same order"
        assert await asyncio.gather(*tails) == [list(range(1, total + 1))] * 2


async def write_six(writer: Any) -> None:
    for _ in range(6):
        await escalated(writer)


async def test_a_socket_cut_anywhere_goes_on_where_it_was(people: People, server: Server, http: Http) -> None:
    crew = await people()
    junior = http(crew.technician)
    total, cut = 24, random.Random(7)  # noqa: S311 - cut points, the same in each run
    writing = asyncio.create_task(write_all(junior, total))
    seen: list[dict[str, Any]] = []
    epoch = None
    while len(seen) < total:
        async with listening(server, crew.engineer) as client:
            assert epoch in {None, client.hello["epoch"]}
            epoch = client.hello["epoch"]
            await client.resume(seen[-1]["seq"] if seen else 0, epoch)
            for _ in range(min(cut.randrange(1, 7), total - len(seen))):
                seen.append(await client.event())  # noqa: PERF401 - what was seen before a failure stays seen
    await writing
    assert [event["seq"] for event in seen] == list(range(1, total + 1))
    log = await log_of(junior)
    same = ("seq", "kind", "at", "data", "prev")
    assert [[event[k] for k in same] for event in seen] == [[event[k] for k in same] for event in log], (
        "the long poll and the socket are the same reader"
    )


async def write_all(junior: Any, total: int) -> None:
    for _ in range(total):
        await escalated(junior)


async def test_what_happened_before_is_marked_as_replay_and_what_comes_is_not(
    people: People, server: Server, http: Http
) -> None:
    """A tray that comes back must not ring for what is long over."""
    crew = await people()
    junior = http(crew.technician)
    await escalated(junior)
    async with listening(server, crew.engineer) as client:
        assert client.hello["head"] == 1
        assert client.hello["protocol"] == 1
        assert client.hello["user"]["id"] == crew.engineer.id
        await client.resume(0)
        assert (await client.event())["replay"] is True
        await escalated(junior)
        assert (await client.event())["replay"] is False


async def test_nothing_is_sent_before_the_client_says_where_it_is(people: People, server: Server, http: Http) -> None:
    crew = await people()
    async with listening(server, crew.engineer) as client:
        await escalated(http(crew.technician))
        with pytest.raises(TimeoutError):
            await client.frame(within=0.5)
        await client.resume(0)
        assert (await client.event())["seq"] == 1


async def test_a_position_that_the_log_cannot_serve_is_a_reset(
    people: People, server: Server, http: Http, database_url: str
) -> None:
    crew = await people()
    junior, owner = http(crew.technician), Owner(database_url)
    for _ in range(4):
        await escalated(junior)
    async with listening(server, crew.engineer) as client:
        epoch = client.hello["epoch"]
        cases = [(5, None, "ahead"), (10**30, None, "ahead"), (2, str(uuid4()), "other_epoch")]
        for after, other, reason in cases:
            await client.resume(after, other)
            assert await client.frame() == {"type": "reset", "epoch": epoch, "head": 4, "reason": reason}
        # Trimmed while another client keeps the log in this process's memory.
        await owner.fetch("UPDATE account_stream SET min_seq = 3")
        await owner.fetch("DELETE FROM account_event WHERE seq < 3")
        frame: dict[str, Any] = {}
        async with asyncio.timeout(WITHIN_S):
            while frame.get("type") != "reset":  # what is in memory is served for some seconds more
                async with listening(server, crew.second_engineer) as late:
                    await late.resume(1)
                    frame = await late.frame()
                await asyncio.sleep(0.3)
        assert frame["reason"] == "trimmed"
        async with listening(server, crew.second_engineer) as late:
            await late.resume(2)
            assert (await late.event())["seq"] == 3
        page = (await junior.get(f"{API}/events", params={"after": 1})).json()
        assert page == {"events": [], "head": 4, "epoch": epoch, "reset": True}
        # After a reset the queue's own position is the way on.
        queue = (await junior.get(f"{API}/handoffs")).json()
        await client.resume(queue["seq"], epoch)
        await escalated(junior)
        assert (await client.event())["seq"] == 5


async def test_too_far_behind_is_a_reset_and_not_a_flood(
    people: People, server: Server, http: Http, database_url: str
) -> None:
    crew = await people()
    handoff = await escalated(http(crew.technician))
    await Owner(database_url).fetch(
        "WITH filled AS (INSERT INTO account_event (account_id, seq, kind, handoff_id, data)"
        " SELECT $1, n, 'handoff.updated', $2, '{}' FROM generate_series(2, 600) n)"
        " UPDATE account_stream SET last_seq = 600 WHERE account_id = $1",
        crew.account_id,
        handoff["id"],
    )
    async with listening(server, crew.engineer) as client:
        await client.resume(1)
        assert (await client.frame())["reason"] == "too_far"
        await client.resume(100)
        assert len(await client.until(600)) == 500, "from memory and from the database, without a seam"


async def test_a_restored_database_is_noticed_by_an_open_socket(
    people: People, server: Server, http: Http, database_url: str
) -> None:
    """Positions of another log mean nothing: a client that went on from them would miss what is new."""
    crew = await people()
    for _ in range(3):
        await escalated(http(crew.technician))
    async with listening(server, crew.engineer) as client:
        await client.resume()
        fresh = str(uuid4())
        await Owner(database_url).fetch("UPDATE account_stream SET epoch = $1", fresh)
        async with asyncio.timeout(WITHIN_S):
            reset = await client.other("reset")
        assert (reset["epoch"], reset["head"], reset["reason"]) == (fresh, 3, "other_epoch")


async def test_an_idle_socket_hears_a_heartbeat_with_the_head(people: People, server: Server, http: Http) -> None:
    crew = await people()
    await escalated(http(crew.technician))
    async with listening(server, crew.engineer) as client:
        await client.resume()
        assert await client.frame(within=client.hello["heartbeat_s"] + 10) == {"type": "heartbeat", "head": 1}


FAULTS: dict[str, str | bytes] = {
    "not JSON": "hello",
    "not an object": "[1]",
    "no type": "{}",
    "unknown type": '{"type":"claim","handoff_id":"x"}',
    "negative position": '{"type":"resume","after":-1}',
    "position of another kind": '{"type":"resume","after":"1"}',
    "no position": '{"type":"resume"}',
    "receipt of an unknown state": '{"type":"receipt","handoff_id":"x","state":"seen"}',
    "binary": b'{"type":"resume","after":0}',
}


async def test_frames_that_the_protocol_does_not_know_end_the_socket_with_4400(people: People, server: Server) -> None:
    crew = await people()
    for name, sent in FAULTS.items():
        async with listening(server, crew.engineer) as client:
            await client.connection.send(sent)
            assert (await client.closed())[0] == 4400, name
    async with listening(server, crew.engineer) as client:
        await client.send(type="resume", after=0, padding="x" * 65_536)
        assert (await client.closed())[0] == 1009, "a frame over 64 KiB is not read at all"
    async with listening(server, crew.engineer) as client:  # unknown members are a newer client's, no fault
        await client.send(type="ack", seq=0, later="more")
        await client.resume(0)
        await client.send(type="receipt", handoff_id="nobody's", state="shown", reason="x\x00y")
        with pytest.raises(TimeoutError):
            await client.closed(within=0.5)


async def test_only_programs_with_a_token_and_our_own_pages_get_in(people: People, server: Server) -> None:
    crew = await people()
    ours = server.url
    cases: list[tuple[dict[str, str], int, str]] = [
        ({}, 401, "unauthenticated"),
        (bearer("fpat_wrong"), 401, "unauthenticated"),
        ({**bearer(crew.engineer), "Origin": ours}, 403, "origin_refused"),
        ({**bearer(crew.engineer), "Origin": "null"}, 403, "origin_refused"),
        ({"Cookie": "fp_session=x"}, 403, "origin_refused"),
        ({"Cookie": "fp_session=x", "Origin": f"{ours}.evil.example"}, 403, "origin_refused"),
        ({"Cookie": "fp_session=x", "Origin": "http://127.0.0.1"}, 403, "origin_refused"),
        ({"Cookie": "fp_session=x", "Origin": ours}, 401, "unauthenticated"),
    ]
    for headers, status, code in cases:
        with pytest.raises(InvalidStatus) as refused:
            await connect(stream_url(server), additional_headers=headers, proxy=None)
        response = refused.value.response
        assert (response.status_code, json.loads(response.body or b"{}").get("code")) == (status, code), headers


async def test_one_person_cannot_take_all_sockets(people: People, server: Server) -> None:
    crew = await people()
    async with asyncio.timeout(60):
        open_ones = []
        try:
            for _ in range(12):
                connection = await connect(stream_url(server), additional_headers=bearer(crew.engineer), proxy=None)
                await connection.recv()
                open_ones.append(connection)
            extra = await connect(stream_url(server), additional_headers=bearer(crew.engineer), proxy=None)
            assert (await EventClient(extra, {}).closed())[0] == 4429
            async with listening(server, crew.second_engineer):
                pass
            await open_ones.pop().close()
            await room_again(server, crew)
        finally:
            await asyncio.gather(*(connection.close() for connection in open_ones))


async def room_again(server: Server, crew: Crew) -> None:
    """The server needs a moment to see that a socket has gone."""
    while True:
        with contextlib.suppress(ConnectionClosed):
            async with listening(server, crew.engineer):
                return


async def test_a_planned_stop_says_bye_with_a_time_to_come_back(
    people: People, start_server: StartServer, http: Http
) -> None:
    stopping = await start_server()
    crew = await people()
    async with listening(stopping, crew.engineer) as client, listening(stopping, crew.admin) as another:
        await client.resume(0)
        stop = asyncio.create_task(asyncio.to_thread(stopping.stop))
        for one in (client, another):
            code, frames = await one.closed()
            assert code == 1012
            assert frames[-1]["type"] == "bye"
            assert 0 < frames[-1]["retry_after_ms"] <= 5_000
        assert await stop == 0


async def test_with_all_hints_dead_events_still_come(
    people: People, start_server: StartServer, server: Server, http: Http, database_url: str
) -> None:
    other = await start_server()
    crew = await people()
    owner = Owner(database_url)
    async with listening(other, crew.engineer) as client:
        await client.resume(0)
        killed = []
        for n in range(1, 4):
            killed += await owner.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND query ~* '(un)?listen|pg_notify'"
            )
            await escalated(http(crew.technician, at=server))
            event = await client.event()
            assert event["seq"] == n
        assert killed, "the connection that carries hints is known by its last statement"


async def test_an_event_alone_makes_a_toast_and_a_queue_row(people: People, server: Server, http: Http) -> None:
    crew = await people()
    junior, senior = http(crew.technician), http(crew.engineer)
    async with listening(server, crew.second_engineer) as client:
        await client.resume(0)
        handoff = await escalated(junior, "Line down", priority="urgent", need="A second pair of eyes")
        created = await client.event("handoff.created")
        row = (await junior.get(f"{API}/handoffs")).json()["items"][0]
        assert row.items() <= created["data"].items(), "`data` is the whole queue row"
        assert created["data"]["handoff_id"] == handoff["id"]
        result = await claimed(senior, handoff["id"])
        event = await client.event("handoff.claimed")
        assert event["seq"] == result["seq"]
        assert event["data"]["claimed_by"] == {"id": crew.engineer.id, "name": crew.engineer.name}
        await act(senior, handoff["id"], "release", note="Not my field")
        await act(junior, handoff["id"], "withdraw")
        for kind in ("handoff.released", "handoff.withdrawn"):
            data = (await client.event(kind))["data"]
            assert (data["handoff_id"], data["session_id"]) == (handoff["id"], handoff["session_id"])


async def test_typing_and_chat_stay_out_of_the_log(people: People, http: Http) -> None:
    crew = await people()
    junior = http(crew.technician)
    session_id = await open_session(junior)
    await junior.post(f"{API}/ai-sessions/{session_id}/messages", json={"content": "Hello"})
    await junior.post(f"{API}/ai-sessions/{session_id}/facts", json={"label": "A", "value": "B"})
    assert await log_of(junior) == []
