"""The least that uvicorn can be asked to do: `POST /publish/TOPIC` is sent to every WebSocket on `/TOPIC`.

No framework, no sign-in, no database, nothing kept: what it costs is the floor for a server of this kind.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

_topics: dict[str, set[Callable[[Any], Awaitable[None]]]] = defaultdict(set)


async def app(
    scope: MutableMapping[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
) -> None:
    """One connection or request."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        room = _topics[scope["path"][1:]]
        room.add(send)
        while (await receive())["type"] != "websocket.disconnect":
            pass
        room.discard(send)
    elif scope["type"] == "http":
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        text = body.decode()
        for one in tuple(_topics[scope["path"].rpartition("/")[2]]):
            await one({"type": "websocket.send", "text": text})
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})
    else:  # lifespan
        while True:
            kind = (await receive())["type"]
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return
