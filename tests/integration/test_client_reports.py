"""A page that got another session's answer says so in the server's log: ids only, few, and from signed-in people."""

from collections.abc import Awaitable, Callable
from uuid import uuid4

from backend.web.client_reports import A_MINUTE
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.web import Forms


async def test_a_mismatch_is_logged_with_both_ids_and_never_floods_the_log(
    people: Callable[..., Awaitable[Crew]], server: Server
) -> None:
    crew = await people()
    shown, got = str(uuid4()), str(uuid4())
    async with Forms(server) as browser:
        assert (await browser.post("/client-reports", source="refresh", shown=shown, got=got)).status_code in {303, 401}
        await browser.sign_in(crew.technician)
        await browser.get("/sessions")
        report = {"source": "refresh", "shown": shown, "got": got}
        for _ in range(A_MINUTE * 3):
            assert (await browser.post("/client-reports", **report)).status_code == 204
        wrong = [{**report, "shown": "<script>"}, {**report, "source": "elsewhere"}, {**report, "csrf": "x"}]
        for fields in wrong:
            assert (await browser.post("/client-reports", **fields)).status_code in {403, 422}
    line = f"the page of session {shown} got an answer of session {got} (refresh)"
    assert server.said(line, timeout=60)
    assert 0 < server.logs.count(line) <= A_MINUTE * 2, "a minute may end in between"
    assert "<script>" not in server.logs
