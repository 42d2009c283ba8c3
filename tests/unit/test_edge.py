"""What stands on every answer."""

import pytest
from starlette.types import Message, Receive, Scope, Send

from backend.http.middleware import Edge


async def answered(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize("by_https", [True, False])
async def test_browsers_that_came_by_https_are_told_to_stay_there(*, by_https: bool) -> None:
    """Behind plain http the header would lock people out of a server that has no certificate."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    scope: Scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [], "client": None}
    await Edge(answered, by_https=by_https)(scope, receive, send)
    names = [name for name, _ in sent[0]["headers"]]
    assert (b"strict-transport-security" in names) is by_https
    assert b"x-content-type-options" in names
