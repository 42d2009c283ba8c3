"""Clients that write down what they do and see: a person's hand, a desktop's ear, a post office, a last look."""

import asyncio
import contextlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import asyncpg
import httpx
from aiosmtpd.smtp import Envelope, Session
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.support.flow import API, REASON, act, escalate
from tests.support.history import FinalRead, Heard, History, Mail, Operation, Planned, canary
from tests.support.mail_server import MailServer, Received
from tests.support.mail_server import _Conversation as Conversation
from tests.support.people import Member
from tests.support.server import NO_TLS, Server
from tests.support.stream import EventClient, listening

ANSWER_S: Final = 12.0
"""No answer after this long is no answer: it stays unknown for the checker."""
_UNSENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_MANAGERS: Final = {"admin", "owner"}


class Hand:
    """One person at one server, by HTTP. Every command is in the history, whatever became of it."""

    def __init__(
        self, history: History, account: str, who: Member, server: Server, others: Sequence[Server] = ()
    ) -> None:
        self.who, self.account = who, account
        self._servers = [server, *others]
        self._history = history
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {who.token}"}, trust_env=False, verify=NO_TLS, timeout=ANSWER_S
        )
        self.at(server)

    def at(self, server: Server) -> None:
        """Work at this server from now on."""
        self._client.base_url = httpx.URL(server.url)

    def _turn(self) -> None:
        """The next server, as a load balancer would."""
        self._servers.append(self._servers.pop(0))
        self.at(self._servers[0])

    async def close(self) -> None:
        """End its connections."""
        await self._client.aclose()

    async def session(self, title: str = "VPN drops") -> str | None:
        """Open a session that carries the account's canary; None when that did not work."""
        body = {"title": f"{title} {canary(self.account)}", "problem": f"The tunnel drops. {canary(self.account)}"}
        with contextlib.suppress(httpx.TransportError):
            answer = await self._client.post(f"{API}/ai-sessions", json=body)
            if answer.status_code == httpx.codes.CREATED:
                return str(answer.json()["id"])
        return None

    async def escalate(self, session: str, *, key: str | None = None, **body: Any) -> Operation:
        """Ask for help; by a fresh key unless one is given. `handoff` of the result is what came of it."""
        operation = self._begin("escalate", key=key or uuid4().hex)
        body = {"reason": f"{REASON} {canary(self.account)}", **body}
        answer = await self._ask(operation, escalate(self._client, session, key=operation.key, **body))
        if answer is not None and operation.outcome == "ok":
            operation.handoff = answer.json()["id"]
            operation.code = "created" if answer.status_code == httpx.codes.CREATED else "repeat"
        return operation

    async def claim(self, handoff: str) -> Operation:
        """Press Claim."""
        operation = self._begin("claim", handoff)
        answer = await self._ask(operation, act(self._client, handoff, "claim"))
        if answer is not None and operation.outcome == "ok":
            result = answer.json()
            operation.code = result["outcome"]
            operation.data |= {"epoch": result["claim_epoch"], "seq": result["seq"]}
        return operation

    async def act(self, handoff: str, verb: str, **body: Any) -> Operation:
        """Release, reassign, resolve or withdraw."""
        operation = self._begin(verb, handoff)
        operation.data |= {"manager": self.who.role in _MANAGERS, "to": body.get("user_id")}
        await self._ask(operation, act(self._client, handoff, verb, **body))
        return operation

    async def patch(self, handoff: str, **body: Any) -> Operation:
        """Change priority, need or impact."""
        operation = self._begin("patch", handoff)
        await self._ask(operation, self._client.patch(f"{API}/handoffs/{handoff}", json=body))
        return operation

    async def queue(self) -> Operation:
        """Read the queue."""
        operation = self._begin("queue")
        answer = await self._ask(operation, self._client.get(f"{API}/handoffs", params={"limit": 200}))
        if answer is not None and operation.outcome == "ok":
            page = answer.json()
            operation.data |= {"seq": page["seq"], "ids": [row["id"] for row in page["items"]]}
        return operation

    async def get(self, path: str) -> dict[str, Any]:
        """Read something; the answer is looked through for foreign words, and not an operation."""
        answer = await self._client.get(path)
        assert answer.status_code == httpx.codes.OK, answer.text
        self._history.read(self.account, answer.text, f"{path} by {self.who.name}")
        document: dict[str, Any] = answer.json()
        return document

    def _begin(self, kind: str, handoff: str | None = None, key: str | None = None) -> Operation:
        name = f"{self.who.name} {self.who.id[-4:]}"
        return self._history.begin(
            client=name, account=self.account, user=self.who.id, kind=kind, handoff=handoff, key=key
        )

    async def _ask(self, operation: Operation, request: Any) -> httpx.Response | None:
        try:
            answer: httpx.Response = await request
        except _UNSENT:
            operation.ended("fail", "unreachable")
            self._turn()
            return None
        except httpx.TransportError as error:
            operation.ended("info", type(error).__name__)
            self._turn()
            return None
        self._history.read(self.account, answer.text, f"{operation.kind} by {operation.client}")
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            operation.ended("info", str(answer.status_code))
        elif answer.status_code >= httpx.codes.BAD_REQUEST:
            problem = answer.json()
            operation.ended("fail", problem["code"], holder=(problem.get("claimed_by") or {}).get("id"))
        else:
            operation.ended("ok")
        return answer


class Ear:
    """A desktop: resumes from its cursor as long as it lives, and sends `shown` for what it is alerted to.

    `answers` False makes it a desktop whose user's machine shows nothing: connected, without receipts.
    """

    def __init__(self, history: History, account: str, who: Member, server: Server, *, answers: bool = True) -> None:
        self.who, self.server, self.answers = who, server, answers
        self.events: list[Heard] = []
        self.connected = asyncio.Event()
        self._history, self._account = history, account
        self._reader = f"{who.name} {uuid4().hex[:6]}"
        self._cursor = 0
        self._epoch: str | None = None
        self._news = asyncio.Condition()

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            with contextlib.suppress(OSError, ConnectionClosed, InvalidHandshake, TimeoutError, EOFError):
                async with listening(self.server, self.who) as client:
                    self._epoch = self._epoch or client.hello["epoch"]
                    await client.resume(self._cursor, self._epoch)
                    self.connected.set()
                    while True:
                        await self._take(client, await client.frame(within=60))
            await asyncio.sleep(0.1)

    async def _take(self, client: EventClient, frame: dict[str, Any]) -> None:
        if frame["type"] == "reset":
            self._history.resets.append((self._reader, frame["reason"]))
            self._reader, self._epoch = f"{self.who.name} {uuid4().hex[:6]}", frame["epoch"]
            await client.resume(frame["head"], frame["epoch"])
        if frame["type"] != "event":
            return
        self._history.read(self._account, json.dumps(frame["data"]), f"event {frame['seq']} of {self._reader}")
        event = self._history.hear(self._account, self._reader, frame)
        self._cursor = event.seq
        async with self._news:
            self.events.append(event)
            self._news.notify_all()
        if self.answers and self._alerts_me(event):
            await client.send(type="receipt", handoff_id=event.handoff, state="shown", rung=event.data.get("rung", 0))

    def _alerts_me(self, event: Heard) -> bool:
        if event.data.get("handed_off_by", {}).get("id") == self.who.id:
            return False
        if event.kind == "handoff.realerted":
            return self.who.id in event.data.get("to", ())
        return event.kind in {"handoff.created", "handoff.released"}

    async def heard(self, kind: str, handoff: str, *, within: float = 60.0) -> Heard:
        """Wait for an event of this kind about a handoff."""

        def found() -> Heard | None:
            return next((e for e in self.events if (e.kind, e.handoff) == (kind, handoff)), None)

        async with asyncio.timeout(within), self._news:
            await self._news.wait_for(lambda: found() is not None)
        event = found()
        assert event is not None
        return event


class _Timed(Conversation):
    """Notes when DATA came, which is the moment after which nothing can be taken back."""

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - the library's name
        if self.session is not None:
            self.session.data_began = time.monotonic()  # type: ignore[attr-defined]  # a note of ours on it
        await super().smtp_DATA(arg)


@dataclass(frozen=True, slots=True)
class _Kept:
    one: Received
    data_began: float


class PostOffice(MailServer):
    """The misbehaving mail server, with the times that the checker asks for."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._kept: list[_Kept] = []

    def _converse(self) -> Conversation:
        one = _Timed(
            self,
            loop=self._loop,
            tls_context=None if self._implicit else self._tls,
            auth_exclude_mechanism=("LOGIN", "PLAIN"),
        )
        self._open.add(one)
        return one

    def _keep(self, session: Session, envelope: Envelope, *, replied: bool) -> Received:
        one = super()._keep(session, envelope, replied=replied)
        self._kept.append(_Kept(one, getattr(session, "data_began", one.monotonic)))
        return one

    def mails(self) -> list[Mail]:
        """Every message that came whole."""
        answered = {id(one.content) for one in self.accepted}
        return [
            Mail(
                message_id=kept.one.message_id,
                recipient=kept.one.recipients[0],
                data_began=kept.data_began,
                ended=kept.one.monotonic if id(kept.one.content) in answered else None,
                kept=True,
                text=_words(kept.one),
            )
            for kept in list(self._kept)
        ]


def _words(one: Received) -> str:
    """Subject and every text part, decoded as a mail program would."""
    parts = [part.get_content() for part in one.message.walk() if part.get_content_maintype() == "text"]
    return "\n".join([one.subject, *parts])


async def last_look(
    history: History, owner_url: str, teams: Mapping[str, Sequence[Member]], post: PostOffice | None = None
) -> None:
    """Read, as the owner of the database, what there is in the end, and take over what the post office kept.

    `teams`: account id → everyone in it.
    """
    accounts = list(teams)
    connection = await asyncpg.connect(owner_url)
    try:
        handoffs = await connection.fetch(
            "SELECT id, status, priority, claimed_by FROM handoff WHERE account_id = any($1::uuid[])", accounts
        )
        events = await connection.fetch(
            "SELECT account_id, seq, kind, data::text AS data FROM account_event WHERE account_id = any($1::uuid[])"
            " ORDER BY account_id, seq",
            accounts,
        )
        planned = await connection.fetch("SELECT * FROM delivery WHERE account_id = any($1::uuid[])", accounts)
        jobs = await connection.fetch(
            "SELECT kind, key, handoff_id, extract(epoch FROM clock_timestamp() - due_at) AS overdue_s FROM job"
            " WHERE account_id = any($1::uuid[])",
            accounts,
        )
    finally:
        await connection.close()
    log: dict[str, list[Heard]] = {account: [] for account in accounts}
    for row in events:
        event = Heard(seq=row["seq"], kind=row["kind"], data=json.loads(row["data"]), at=0.0)
        log[str(row["account_id"])].append(event)
    history.final = FinalRead(
        handoffs={str(row["id"]): _plain(row) for row in handoffs},
        log=log,
        planned=[_planned(row) for row in planned],
        jobs=[_plain(row) for row in jobs],
    )
    for account, members in teams.items():
        history.seniors[account] = {m.id: m.email for m in members if m.role in {"engineer", "admin", "owner"}}
    if post is not None:
        history.mails = post.mails()
        account_of = {member.email: account for account, members in teams.items() for member in members}
        for mail in history.mails:
            if mail.recipient in account_of:
                history.read(account_of[mail.recipient], mail.text, f"mail to {mail.recipient}")


def _plain(row: asyncpg.Record) -> dict[str, Any]:
    return {k: v if isinstance(v, int | float | str | None) else _text(v) for k, v in row.items()}


def _text(value: Any) -> Any:
    return float(value) if hasattr(value, "is_nan") else str(value)


def _planned(row: asyncpg.Record) -> Planned:
    return Planned(
        account=str(row["account_id"]),
        handoff=str(row["handoff_id"]),
        user=str(row["user_id"]),
        rung=row["rung"],
        purpose=row["purpose"],
        channel=row["channel"],
        state=row["state"],
        message_id=row["message_id"],
    )
