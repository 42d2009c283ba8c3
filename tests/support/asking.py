"""One request of the table in `tests/support/routes.py`, by token or by cookie, as a person or as nobody."""

import string
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.people import Member
from tests.support.routes import Expected
from tests.support.server import NO_TLS, Server
from tests.support.web import Forms


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `code` is the problem's, empty where there was none; a live stream's text is not read."""

    status: int
    code: str
    text: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, or nobody, at both doors: the API by token, pages by cookie and as our own script."""

    role: str
    api: httpx.AsyncClient
    web: httpx.AsyncClient
    csrf: str = ""
    script: bool = True

    async def ask(self, verb: str, path: str, expected: Expected, ids: Mapping[str, str]) -> Answer:
        """Send it with these ids."""
        address = path.format(**{name: _meant(expected.world.get(name, name), ids) for name in names(path)})
        if expected.form is None:
            return await _read(self.api, verb, address, json=_filled(expected.json, ids), params=expected.query)
        data = {"csrf": self.csrf, **(_filled(expected.form, ids) or {})}
        headers = {"x-flowpilot-script": "1"} if self.script else {}
        if verb == "get":
            return await _read(self.web, verb, address, params=expected.query, headers=headers)
        return await _read(self.web, verb, address, data=data, headers=headers)


def _meant(name: str, ids: Mapping[str, str]) -> str:
    """The id of that name, or the word itself."""
    return ids.get(name, name)


def names(path: str) -> list[str]:
    """The names of the ids in a path."""
    return [name for _, name, _, _ in string.Formatter().parse(path) if name]


def _filled(body: Any, ids: Mapping[str, str]) -> Any:
    if not isinstance(body, dict):
        return body
    return {key: ids[value[1:-1]] if _named(value) else value for key, value in body.items()}


def _named(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("{") and value.endswith("_id}")


async def _read(client: httpx.AsyncClient, verb: str, address: str, **more: Any) -> Answer:
    async with client.stream(verb, address, **more) as answer:
        live = answer.headers.get("content-type", "").startswith("text/event-stream")
        if not live:
            await answer.aread()
        problem = answer.headers.get("content-type", "") == "application/problem+json"
        code = answer.json()["code"] if problem else ""
        return Answer(answer.status_code, code, "" if live else answer.text, answer.headers)


@asynccontextmanager
async def at_the_door(server: Server, who: Mapping[str, Member | None]) -> AsyncIterator[dict[str, Person]]:
    """Everyone of `who`, by role; None is nobody."""
    async with AsyncExitStack() as stack:
        there = {}
        for role, member in who.items():
            forms = await stack.enter_async_context(Forms(server))
            forms.http.headers["Origin"] = server.url
            headers = {"Authorization": f"Bearer {member.token}"} if member else {}
            api = httpx.AsyncClient(base_url=server.url, headers=headers, trust_env=False, verify=NO_TLS, timeout=30)
            await stack.enter_async_context(api)
            if member is not None:
                await forms.sign_in(member)
                await forms.get("/account/devices")
                assert forms.csrf, f"{role} is not signed in"
            there[role] = Person(role, api, forms.http, forms.csrf)
        yield there
