"""Retention, export and erasure: what an account no longer keeps is gone everywhere, and history stays sound."""

import io
import json
import zipfile
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest

from backend.audit.verify import verify
from backend.db.engine import Database
from backend.privacy.keeper import RetentionKeeper
from backend.psa import wording
from tests.conftest import Http
from tests.support.flow import API, Owner, act, claimed, escalate, escalated, log_of, open_session
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.stream import listening
from tests.support.web import Forms

People = Callable[..., Awaitable[Crew]]
CANARY = "Winterthur-4711"


async def dumped(owner: Owner, word: str, *, without: tuple[str, ...] = ()) -> list[str]:
    """The tables in which the word stands, snapshots included."""
    names = await owner.fetch(
        "SELECT c.relname AS name FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'"
    )
    found = []
    for (name,) in names:
        if name in without:
            continue
        if await owner.value(f"SELECT count(*) FROM {name} t WHERE position($1 in to_jsonb(t)::text) > 0", word):
            found.append(name)
    return found


async def told(http: Http, crew: Crew) -> str:
    """A session with the canary in everything that people write, escalated, claimed, acted upon and resolved."""
    junior, senior = http(crew.technician), http(crew.engineer)
    handoff = await escalated(junior, f"Title {CANARY}", need=f"Need {CANARY}", impact=f"Impact {CANARY}")
    session = f"{API}/ai-sessions/{handoff['session_id']}"
    for kind, body in (
        ("messages", {"content": f"Message {CANARY}"}),
        ("facts", {"label": "Site", "value": CANARY}),
        ("tasks", {"text": f"Task {CANARY}"}),
    ):
        assert (await junior.post(f"{session}/{kind}", json=body)).status_code == 201
    await claimed(senior, handoff["id"])
    await senior.post(f"{session}/steps", json={"action": f"Step {CANARY}", "outcome": "worked"})
    assert (await act(senior, handoff["id"], "resolve", note=f"Note {CANARY}")).status_code == 200
    return str(handoff["id"])


FORMERLY = 'Tess "T" Früher'


async def traces(http: Http, crew: Crew, owner: Owner) -> None:
    """What speaks of the technician beside their own rows, as the product writes it while people work."""
    junior, gone = http(crew.technician), crew.technician
    fields = {"url": "https://1.1.1.1", "client_id": "ours", "client_secret": "Halo's secret"}
    connector = {"system": "halo", "fields": fields, "notes_on": ["escalated"]}
    made = await http(crew.admin).post(f"{API}/account/psa-connectors", json=connector)
    assert made.status_code == 201, made.text
    session = await open_session(junior, ticket={"system": "halo", "id": "20418"})
    handoff = (await escalate(junior, session)).json()
    [(note, data)] = await owner.fetch("SELECT id, data FROM psa_note WHERE handoff_id = $1::uuid", handoff["id"])
    await owner.fetch(
        "UPDATE psa_note SET text = $2, error = $3, state = 'failed', finished_at = now() WHERE id = $1",
        note,
        wording.text(note, "escalated", json.loads(data), "https://flowpilot.example"),
        f"No resources of Autotask have the address {gone.email}.",
    )
    named = (UUID(crew.account_id), UUID(handoff["id"]))
    refusal = f"550 5.1.1 <{gone.email.title()}>: Recipient address rejected"
    who = (UUID(gone.id), refusal)
    also = f"{gone.name}, {crew.engineer.name}"
    await owner.fetch("SELECT realert_handoff($1, $2, null, 1, false, 'step', $3, 15)", *named, also)
    await owner.fetch("SELECT announce_delivery($1, $2, $3, 'email', 'failed', $4, 0)", *named, *who)
    await owner.fetch("UPDATE app_user SET email_refused_at = now(), email_refusal = $2 WHERE id = $1", *who)
    await owner.fetch(
        "INSERT INTO delivery (account_id, handoff_id, user_id, detail, channel, device, state)"
        " VALUES ($1, $2, $3, $4, 'email', $5, 'failed')",
        *(*named, *who, gone.email),
    )
    await owner.fetch(
        "INSERT INTO handoff_timeline (account_id, handoff_id, kind, detail) VALUES ($1, $2, 'mail_failed', $3)",
        *(*named, f"E-mail to {gone.name} was refused: {refusal}"),
    )
    await owner.fetch(
        "INSERT INTO assistant_reply (account_id, id, session_id, kind, state, reason, asked_by, ended_at)"
        " VALUES ($1, gen_random_uuid(), $2, 'reply', 'stopped', $3, $4, now())",
        *(named[0], UUID(session), f"Stopped by {gone.name}.", UUID(crew.engineer.id)),
    )


async def aged(owner: Owner, days: int) -> None:
    """Everything that has happened so far happened so many days earlier."""
    past = f"interval '{days} days'"
    await owner.fetch(f"UPDATE ai_session SET updated_at = updated_at - {past}, created_at = created_at - {past}")
    await owner.fetch(f"UPDATE account_event SET at = at - {past}")
    await owner.fetch(f"UPDATE delivery SET at = at - {past}")


async def test_what_is_past_its_time_goes_and_the_figures_stay(
    people: People, http: Http, database: Database, database_url: str
) -> None:
    crew, owner, keeper = await people(), Owner(database_url), RetentionKeeper(database)
    old = await told(http, crew)
    senior = http(crew.engineer)
    before = (await senior.get(f"{API}/analytics/escalation-metrics")).json()
    waiting = await escalated(http(crew.technician), f"Open {CANARY}")
    assert (await http(crew.admin).patch(f"{API}/account/settings", json={"retention_days": 30})).status_code == 200
    await keeper.look()
    assert "message" in await dumped(owner, CANARY), "what is young stays"
    await aged(owner, 31)
    await keeper.look()
    left = await dumped(owner, CANARY, without=("account_event",))
    assert set(left) <= {"ai_session", "handoff", "session_words"}, "the open one's, and nothing else"
    kept = (await senior.get(f"{API}/handoffs/{waiting['id']}")).json()
    assert (kept["status"], kept["title"]) == ("pending", f"Open {CANARY}")
    gone = (await senior.get(f"{API}/handoffs/{old}")).json()
    assert (gone["title"], gone["reason"], gone["escalation_package"]["snapshot"]["messages"]) == (
        "No longer kept",
        "",
        [],
    )
    assert CANARY not in json.dumps(gone)
    assert (await senior.get(f"{API}/ai-sessions/{gone['session_id']}")).json()["messages"] == []
    after = (await senior.get(f"{API}/analytics/escalation-metrics")).json()
    for figure in ("escalations", "claimed", "with_first_action", "mean_time_to_first_action_seconds"):
        assert after[figure] == before[figure] + (figure == "escalations"), figure
    assert after["minutes_recovered_total"] == before["minutes_recovered_total"]


async def test_the_event_log_ends_later_and_clients_are_told_so(
    people: People, http: Http, database: Database, database_url: str
) -> None:
    crew, owner = await people(), Owner(database_url)
    await told(http, crew)
    reader, account = http(crew.viewer), UUID(crew.account_id)
    last = (await log_of(reader))[-1]["seq"]
    await aged(owner, 91)
    assert await database.pool.fetchval("select trim_events($1, 1000)", account) == 0, "not before it is sealed"
    assert (await verify(database, account, {})).broken is None
    await RetentionKeeper(database).look()
    assert await owner.value("SELECT count(*) FROM account_event WHERE account_id = $1", account) == 0
    assert await owner.value("SELECT count(*) FROM delivery WHERE account_id = $1", account) == 0
    assert (await reader.get(f"{API}/events", params={"after": 0})).json()["reset"] is True
    handoff = await escalated(http(crew.technician))
    page = (await reader.get(f"{API}/events", params={"after": last})).json()
    assert [event["data"]["handoff_id"] for event in page["events"]] == [handoff["id"]], "no gap, no number twice"
    await aged(owner, 91)
    assert (await verify(database, account, {})).broken is None
    await RetentionKeeper(database).look()
    assert (await reader.get(f"{API}/events", params={"after": last})).json()["events"], "an open one's stay"


async def test_the_days_are_set_by_administrators_within_bounds(people: People, http: Http, server: Server) -> None:
    crew = await people()
    async with Forms(server) as admin:
        await admin.sign_in(crew.admin)
        assert 'value="365"' in (await admin.get("/admin/privacy")).text
        for days, log_days, words in (("29", "90", "30 to 3650"), ("90", "13", "14 to 3650"), ("x", "90", "a number")):
            refused = await admin.post("/admin/privacy", days=days, log_days=log_days)
            assert refused.status_code == 422
            assert words in refused.text
            await admin.get("/admin/privacy")
        assert (await admin.post("/admin/privacy", days="60", log_days="14")).status_code == 303
        settings = (await http(crew.viewer).get(f"{API}/account/settings")).json()
        assert (settings["retention_days"], settings["log_retention_days"]) == (60, 14)
        assert "retention days" in (await admin.get("/admin/audit")).text


async def test_a_person_is_exported_whole_and_without_secrets(people: People, http: Http, server: Server) -> None:
    crew = await people()
    await told(http, crew)
    async with Forms(server) as admin:
        await admin.sign_in(crew.admin)
        page = (await admin.get(f"/admin/people?person={crew.technician.id}")).text
        assert f"/admin/people/{crew.technician.id}/export.zip" in page
        made = await admin.get(f"/admin/people/{crew.technician.id}/export.zip")
        with zipfile.ZipFile(io.BytesIO(made.content)) as archive:
            files = {name: archive.read(name).decode() for name in archive.namelist()}
        assert json.loads(files["person.json"])["email"] == crew.technician.email
        assert CANARY in files["message.author_id.json"]
        assert CANARY in files["handoff.handed_off_by.json"]
        assert "handoff.created" not in files["person.json"]
        whole = "".join(files.values())
        assert "_hash" not in whole
        assert "argon2" not in whole
        assert crew.technician.token not in whole
        assert crew.second_engineer.email not in whole, "of others nothing but their ids"
        assert "Exported what is known of" in (await admin.get("/admin/audit")).text
        assert (await admin.get(f"/admin/people/{crew.owner.id}/export.zip")).status_code == 403


async def test_an_erased_person_is_nowhere_and_history_holds(
    people: People, http: Http, server: Server, database: Database, database_url: str
) -> None:
    crew, owner = await people(), Owner(database_url)
    gone, account = crew.technician, UUID(crew.account_id)
    await owner.fetch("UPDATE app_user SET name = $2 WHERE id = $1::uuid", gone.id, FORMERLY)
    handoff = await told(http, crew)
    await owner.fetch("UPDATE app_user SET name = $2 WHERE id = $1::uuid", gone.id, gone.name)
    await traces(http, crew, owner)
    async with Forms(server) as himself, Forms(server) as admin, listening(server, crew.engineer):
        await himself.sign_in(gone)
        await admin.sign_in(crew.admin)
        await admin.get("/admin/people")
        wrong = await admin.post(f"/admin/people/{gone.id}/erase", confirm="Tess")
        assert (wrong.status_code, await owner.value("SELECT active FROM app_user WHERE id = $1", gone.id)) == (
            422,
            True,
        )
        await admin.get("/admin/people")
        done = await admin.post(f"/admin/people/{gone.id}/erase", confirm=gone.name)
        assert done.status_code == 303, server.logs[-3_000:]
        assert (await himself.get("/sessions")).status_code == 303
        assert gone.name not in (await admin.get("/admin/people")).text
        events = await log_of(http(crew.viewer))  # of which a server keeps the newest in memory while somebody listens
    assert (await http(gone).get(f"{API}/me")).status_code == 401
    assert await dumped(owner, gone.email) == []
    assert await dumped(owner, gone.email.title()) == []
    for name in (gone.name, FORMERLY):
        word = json.dumps(name, ensure_ascii=False)[1:-1]
        assert await dumped(owner, word, without=("audit_entry", "audit_pending")) == [], "the chain alone keeps it"
    assert "Escalated by Former technician" in await owner.value("SELECT text FROM psa_note")
    shown = (await http(crew.engineer).get(f"{API}/handoffs/{handoff}")).json()
    assert gone.name not in json.dumps(shown)
    assert shown["handed_off_by"] == {"id": gone.id, "name": "Former technician"}
    assert shown["escalation_package"]["snapshot"]["owner"]["name"] == "Former technician"
    assert gone.name not in json.dumps(events)
    assert events[0]["data"]["handed_off_by"]["name"] == "Former technician"
    assert (await verify(database, account, {})).broken is None
    assert "people.erased" in str(await owner.fetch("SELECT action FROM audit_entry WHERE account_id = $1", account))


@pytest.mark.parametrize("who", ["owner", "admin"])
async def test_nobody_erases_an_owner_who_is_none_or_themselves(people: People, server: Server, who: str) -> None:
    crew = await people()
    async with Forms(server) as admin:
        await admin.sign_in(crew.admin)
        await admin.get("/admin/people")
        target = getattr(crew, who)
        answer = await admin.post(f"/admin/people/{target.id}/erase", confirm=target.name)
        assert answer.status_code in {403, 422}
        assert target.name in (await admin.get("/admin/people")).text
