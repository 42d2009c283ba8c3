"""What a session's stream tells of replies: start, deltas, the end. Fed by this process's writer, else by the row."""

from dataclasses import replace
from typing import Final

from backend.assistant.replies import ReplyService
from backend.assistant.writing import topic
from backend.contract.assistant import Reply, ReplyDelta
from backend.identity.caller import Caller

_NONE_YET: Final = "none yet"
"""Seen at first in a session without replies: one that has begun and ended by the next look is told all the same."""
_END: Final = {"done": "reply.done", "stopped": "reply.stopped", "failed": "reply.failed"}


class LiveReplies:
    """Follows the replies of one session for one viewer."""

    def __init__(self, replies: ReplyService) -> None:
        self._replies = replies

    @staticmethod
    def topic(session_id: str) -> str:
        """Wake-up topic of replies that grow."""
        return topic(session_id)

    async def news(self, caller: Caller, session_id: str, seen: object) -> tuple[object, list[tuple[str, object]]]:
        """(what to give next time, events): `seen` is None at first, when what has ended is on the page already."""
        before = seen if isinstance(seen, Reply) else None
        reply = await self._look(caller, session_id)
        if reply is None:
            return _NONE_YET, []
        if before is None or before.id != reply.id:
            if reply.state == "running":
                return reply, [("reply.start", reply)]
            return reply, [] if seen is None else [(_END[reply.state], reply)]
        if before.state != "running":
            return before, []
        events: list[tuple[str, object]] = []
        if reply.content.startswith(before.content) and len(reply.content) > len(before.content):
            events.append(("reply.delta", _delta(before, reply)))
        elif reply.content != before.content and reply.state == "running":
            events.append(("reply.start", reply))  # something was taken out of it: told anew
        if reply.state != "running":
            events.append((_END[reply.state], reply))
        return reply, events

    async def _look(self, caller: Caller, session_id: str) -> Reply | None:
        here = self._replies.now(caller, session_id)
        if here is not None and not here.ended:
            return replace(here.reply, content=here.shown)
        return await self._replies.newest(caller, session_id)


def _delta(before: Reply, reply: Reply) -> ReplyDelta:
    at = len(before.content)
    return ReplyDelta(
        reply_id=reply.id, session_id=reply.session_id, message_id=reply.message_id, at=at, text=reply.content[at:]
    )
