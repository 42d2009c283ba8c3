"""What needs more than one request stands in the audit log too: signing in and out, factors, computers, directories."""

import re
from collections.abc import Awaitable, Callable
from uuid import UUID

import httpx

from backend.db.engine import Database
from backend.identity.domains import confirm_domain
from tests.conftest import Http
from tests.integration.test_scim import DOMAIN, GONE, USERS, newcomer, token_of
from tests.integration.test_second_factor import switched_on
from tests.support.audited_routes import BY_STORY, AuditLog, Key, audit_log
from tests.support.belongings import belongings
from tests.support.flow import API, Owner, claimed, escalated, open_session
from tests.support.pairing import Client, approved, paired
from tests.support.people import Crew
from tests.support.routes import REASON, Verb
from tests.support.server import Server
from tests.support.web import Forms

People = Callable[..., Awaitable[Crew]]


class Story:
    """Does one thing after the other and sees what each has written."""

    def __init__(self, log: AuditLog) -> None:
        self._log = log
        self.told: set[Key] = set()

    async def wrote(self, verb: Verb, route: str, doing: Awaitable[httpx.Response]) -> httpx.Response:
        """The answer of a request to this route, after what it must write has been found."""
        before = await self._log.length()
        answer = await doing
        assert answer.status_code < 400, f"{route}: {answer.status_code} {answer.text[:300]}"
        assert BY_STORY[verb, route] in (found := await self._log.since(before)), f"{route} wrote {found}"
        self.told.add((verb, route))
        return answer


async def test_what_needs_more_than_one_request_is_written_down(
    people: People, http: Http, server: Server, database: Database, database_url: str
) -> None:
    crew, owner = await people(), Owner(database_url)
    async with audit_log(database_url) as log, Forms(server) as boss, Forms(server) as senior:
        story = Story(log)
        await belongings(http, crew, owner)
        assert "connector.changed" in await log.since(0)
        story.told.add(("post", f"{API}/account/psa-connectors"))
        await by_the_owner(story, boss, crew)
        await hand_offs(story, senior, crew, http)
        await own_sign_in(story, server, crew, http)
        await computers(story, boss, server, crew, http)
        await newcomers(story, boss, server)
        await confirm_domain(database, UUID(crew.account_id), DOMAIN)
        await directory(story, http(await token_of(server, crew)))
        assert story.told == set(BY_STORY)


async def by_the_owner(story: Story, boss: Forms, crew: Crew) -> None:
    await story.wrote("post", "/sign-in", boss.sign_in(crew.owner))
    await boss.get("/admin/baseline")
    await boss.post("/admin/baseline", minutes="12")
    await story.wrote("post", "/admin/baseline/remove", boss.post("/admin/baseline/remove"))
    await story.wrote("post", "/admin/baseline/names", boss.post("/admin/baseline/names", seniors="1"))
    await story.wrote("post", "/admin/email/test", boss.post("/admin/email/test"))
    policy = boss.post("/admin/sign-in/second-factor", policy="admins")
    await story.wrote("post", "/admin/sign-in/second-factor", policy)
    await boss.post("/admin/sign-in/second-factor", policy="optional")


async def hand_offs(story: Story, senior: Forms, crew: Crew, http: Http) -> None:
    junior = http(crew.technician)
    await senior.sign_in(crew.engineer)
    await senior.get("/escalations")
    first, second = await escalated(junior, "Printer"), await escalated(junior, "Scanner")
    await story.wrote("post", "/escalations/{handoff_id}/claim", senior.post(f"/escalations/{first['id']}/claim"))
    page = f"/pilot/{first['session_id']}"
    await story.wrote("post", "/pilot/{session_id}/handback", senior.post(f"{page}/handback", note="Not now"))
    await claimed(http(crew.engineer), first["id"])
    await story.wrote("post", "/pilot/{session_id}/resolve", senior.post(f"{page}/resolve", note="Done"))
    withdrawn = senior.post(f"/pilot/{second['session_id']}/withdraw")
    await story.wrote("post", "/pilot/{session_id}/withdraw", withdrawn)
    asking = senior.post(f"/pilot/{await open_session(junior)}/escalate", reason=REASON, need="A second pair of eyes")
    await story.wrote("post", "/pilot/{session_id}/escalate", asking)


async def own_sign_in(story: Story, server: Server, crew: Crew, http: Http) -> None:
    here, who = "/account/security", crew.second_engineer
    async with Forms(server) as browser, Forms(server) as other:
        confirming = _last(switched_on(browser, who), browser)
        await story.wrote("post", f"{here}/factor/confirm", confirming)
        codes = await story.wrote("post", f"{here}/factor/codes", browser.post(f"{here}/factor/codes"))
        code = re.findall(r"<li><code>([A-Z2-7-]{19})</code></li>", codes.text)[0]
        await other.sign_in(who)
        await story.wrote("post", "/sign-in/code", other.post("/sign-in/code", code=code))
        await browser.get(here)
        await story.wrote("post", f"{here}/factor/off", browser.post(f"{here}/factor/off"))
        changed = browser.post(f"{here}/password", current=who.password, new="Kanarienvogel-Voliere-88")
        await story.wrote("post", f"{here}/password", changed)
    waiting = await escalated(http(crew.technician), "Router")
    ticket = (await claimed(http(crew.engineer), waiting["id"]))["open_url"].partition("#t=")[2]
    async with Forms(server) as unknown:
        await unknown.post("/go", ticket=ticket)
        await story.wrote("post", "/go", unknown.post("/go", ticket=ticket, explicit="1"))


async def _last(doing: Awaitable[object], browser: Forms) -> httpx.Response:
    await doing
    return await browser.get("/account/security")


async def computers(story: Story, boss: Forms, server: Server, crew: Crew, http: Http) -> None:
    one = Client()
    async with Forms(server) as browser:
        await browser.sign_in(crew.engineer)

        async def consent() -> httpx.Response:
            await approved(browser, one)
            return await browser.get("/account/devices")

        await story.wrote("post", "/oauth/authorize", consent())
    tokens = await paired(server, crew.engineer, http())
    revoked = http().post("/oauth/revoke", data={"token": tokens["refresh_token"], "client_id": "flowpilot-tray"})
    await story.wrote("post", "/oauth/revoke", revoked)
    await paired(server, crew.engineer, http())
    ids = re.findall(r"/admin/devices/([0-9a-f-]{36})/revoke", (await boss.get("/admin/devices")).text)
    await story.wrote("post", "/admin/devices/{device_id}/revoke", boss.post(f"/admin/devices/{ids[0]}/revoke"))


async def newcomers(story: Story, boss: Forms, server: Server) -> None:
    await boss.get("/admin/people")
    await boss.post("/admin/people/invite", email="nina@new.example", name="Nina", role="viewer")
    page = (await boss.get("/admin/people")).text
    secret = re.findall(r"/join#t=([\w-]{43})", page)[0]
    async with Forms(server) as guest:
        await guest.post("/join", ticket=secret)
        joining = guest.post("/join/accept", ticket=secret, name="Nina", password="Kanarienvogel-Voliere-88")
        await story.wrote("post", "/join/accept", joining)


async def directory(story: Story, there: httpx.AsyncClient) -> None:
    route = "/scim/v2/Users/{user_id}"
    made = await story.wrote("post", "/scim/v2/Users", there.post(USERS, json=newcomer()))
    where = f"{USERS}/{made.json()['id']}"
    await story.wrote("put", route, there.put(where, json=newcomer(displayName="Nora Berg")))
    await story.wrote("patch", route, there.patch(where, json=GONE))
    await story.wrote("delete", route, there.delete(where))
