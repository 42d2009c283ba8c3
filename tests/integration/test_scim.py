"""SCIM: the directory brings people, changes them and takes them away; who leaves is gone and leaves nothing behind."""

import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import httpx
import pytest

from backend.db.engine import Database
from backend.identity.domains import confirm_domain
from backend.scim.messages import ScimError, patched, wanted, whole
from tests.conftest import Http
from tests.support.flow import API, Owner, claimed, escalated, refused
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.stream import listening
from tests.support.web import Forms

People = Callable[..., Awaitable[Crew]]
USERS = "/scim/v2/Users"
DOMAIN = "northwindmsp.example"
SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User"


@pytest.fixture
async def crew(people: People, database: Database) -> Crew:
    made = await people()
    await confirm_domain(database, UUID(made.account_id), DOMAIN)
    return made


async def token_of(server: Server, crew: Crew) -> str:
    """A token that the owner makes on the page."""
    async with Forms(server) as boss:
        await boss.sign_in(crew.owner)
        await boss.get("/admin/sign-in")
        answer = await boss.post("/admin/sign-in/directory", label="Entra")
        found = re.search(r'data-testid="scim-token">(fpscim_[\w-]+)<', answer.text)
        assert found, answer.text
        assert found[1] not in (await boss.get("/admin/sign-in")).text
        return found[1]


@pytest.fixture
async def directory(crew: Crew, server: Server, http: Http) -> httpx.AsyncClient:
    return http(await token_of(server, crew))


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": list(operations)}


GONE = patch({"op": "Replace", "path": "active", "value": "False"})


def newcomer(**changes: Any) -> dict[str, Any]:
    return {
        "schemas": [SCHEMA],
        "userName": f"nora@{DOMAIN}",
        "externalId": "e-1",
        "name": {"givenName": "Nora", "familyName": "Näslund"},
        "active": True,
        **changes,
    }


def failed(answer: httpx.Response, status: int, kind: str | None = None) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/scim+json"), answer.text
    document = answer.json()
    assert document["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert (document["status"], document.get("scimType")) == (str(status), kind)


async def test_a_directory_learns_what_there_is(directory: httpx.AsyncClient, crew: Crew) -> None:
    config = (await directory.get("/scim/v2/ServiceProviderConfig")).json()
    assert (config["patch"]["supported"], config["bulk"]["supported"]) == (True, False)
    (kind,) = (await directory.get("/scim/v2/ResourceTypes")).json()["Resources"]
    assert (kind["endpoint"], kind["schema"]) == ("/Users", SCHEMA)
    assert (await directory.get("/scim/v2/ResourceTypes/User")).json() == kind
    (schema,) = (await directory.get("/scim/v2/Schemas")).json()["Resources"]
    assert (await directory.get(f"/scim/v2/Schemas/{SCHEMA}")).json() == schema
    failed(await directory.get("/scim/v2/Schemas/other"), 404)
    everyone = (await directory.get(USERS)).json()
    assert everyone["totalResults"] == len(crew.everyone) == len(everyone["Resources"])
    page = (await directory.get(USERS, params={"startIndex": 2, "count": 1})).json()
    assert (page["totalResults"], page["startIndex"], page["itemsPerPage"]) == (len(crew.everyone), 2, 1)
    assert page["Resources"] == everyone["Resources"][1:2]
    one = (await directory.get(USERS, params={"filter": f'userName eq "{crew.engineer.email.upper()}"'})).json()
    assert [user["id"] for user in one["Resources"]] == [crew.engineer.id]
    failed(await directory.get(USERS, params={"filter": "active eq true or 1"}), 400, "invalidFilter")
    failed(await directory.get(USERS, params={"count": "many"}), 400, "invalidValue")


async def test_somebody_comes_changes_goes_and_comes_back(
    directory: httpx.AsyncClient, crew: Crew, database_url: str
) -> None:
    made = await directory.post(USERS, json=newcomer(roles=[{"value": "Engineer"}]))
    assert made.status_code == 201, made.text
    nora = made.json()
    assert made.headers["location"].endswith(f"{USERS}/{nora['id']}")
    assert (nora["displayName"], nora["userName"], nora["active"]) == ("Nora Näslund", f"nora@{DOMAIN}", True)
    assert nora["roles"][0]["value"] == "engineer"
    where = f"{USERS}/{nora['id']}"
    failed(await directory.post(USERS, json=newcomer()), 409, "uniqueness")
    failed(await directory.post(USERS, json=newcomer(userName=f"other@{DOMAIN}")), 409, "uniqueness")
    renamed = await directory.patch(
        where, json=patch({"op": "replace", "value": {"displayName": "Nora Berg", "userName": f"berg@{DOMAIN}"}})
    )
    assert (renamed.json()["displayName"], renamed.json()["userName"]) == ("Nora Berg", f"berg@{DOMAIN}")
    put = await directory.put(where, json=newcomer(roles=["technician"]))
    assert (put.json()["userName"], put.json()["roles"][0]["value"]) == (f"nora@{DOMAIN}", "technician")
    assert (await directory.patch(where, json=GONE)).json()["active"] is False
    assert (await directory.patch(where, json=GONE)).status_code == 200, "asked twice, the same comes of it"
    back = await directory.patch(where, json=patch({"op": "add", "path": "active", "value": True}))
    assert back.json()["active"] is True
    await Owner(database_url).fetch("UPDATE app_user SET password_hash = 'of then' WHERE id = $1::uuid", nora["id"])
    assert (await directory.delete(where)).status_code == 204
    failed(await directory.get(where), 404)
    failed(await directory.delete(where), 404)
    assert (await directory.get(USERS, params={"filter": 'externalId eq "e-1"'})).json()["totalResults"] == 0
    again = await directory.post(USERS, json=newcomer())
    assert (again.status_code, again.json()["id"]) == (201, nora["id"])
    password = "SELECT password_hash FROM app_user WHERE id = $1::uuid"
    assert await Owner(database_url).value(password, nora["id"]) is None, "the address may be somebody else's by now"
    written = await Owner(database_url).fetch("SELECT action, actor FROM audit_pending WHERE actor LIKE 'Directory%'")
    assert {"people.scim_created", "people.scim_changed", "people.deactivated", "people.activated"} <= {
        row["action"] for row in written
    }
    assert {row["actor"] for row in written} == {"Directory Entra"}
    erase = "SELECT forget_person($1::uuid, $2::uuid, 'Nora Näslund', 'Former technician', $3)"
    await Owner(database_url).fetch(erase, crew.account_id, nora["id"], nora["userName"])
    failed(await directory.get(where), 404)
    named = patch({"op": "replace", "value": {"displayName": "Nora Näslund", "userName": nora["userName"]}})
    failed(await directory.patch(where, json=named), 404)
    assert nora["id"] not in (await directory.get(USERS)).text
    anew = await directory.post(USERS, json=newcomer())
    assert anew.status_code == 201
    assert anew.json()["id"] != nora["id"], "who was erased does not come back; somebody new comes"


async def test_a_leaver_is_out_at_once_and_what_they_held_waits_again(
    directory: httpx.AsyncClient, crew: Crew, server: Server, http: Http
) -> None:
    handoff = await escalated(http(crew.technician))
    await claimed(http(crew.engineer), handoff["id"])
    async with Forms(server) as browser, listening(server, crew.engineer) as socket:
        await browser.sign_in(crew.engineer)
        assert (await directory.patch(f"{USERS}/{crew.engineer.id}", json=GONE)).status_code == 200
        refused(await http(crew.engineer).get(f"{API}/me"), 401, "unauthenticated")
        assert (await browser.get("/sessions")).status_code == 303
        assert (await browser.sign_in(crew.engineer)).status_code == 401
        assert (await socket.closed())[0] == 4401
    seen = (await http(crew.technician).get(f"{API}/handoffs/{handoff['id']}")).json()
    assert (seen["status"], seen["claimed_by"]) == ("pending", None)
    (back,) = [entry for entry in seen["timeline"] if entry["kind"] == "released"]
    assert back["actor"]["name"] == crew.engineer.name
    assert "Has left" in back["detail"]
    async with Forms(server) as junior:
        await junior.sign_in(crew.technician)
        page = (await junior.get(f"/pilot/{handoff['session_id']}")).text
        assert f"{crew.engineer.name} handed it back" in page
    await claimed(http(crew.second_engineer), handoff["id"])


async def test_no_directory_touches_owners_or_the_last_administrator(directory: httpx.AsyncClient, crew: Crew) -> None:
    where = f"{USERS}/{crew.owner.id}"
    promote = patch({"op": "replace", "path": "roles", "value": [{"value": "owner"}]})
    failed(await directory.patch(f"{USERS}/{crew.viewer.id}", json=promote), 400, "invalidValue")
    for answer in (
        await directory.patch(where, json=GONE),
        await directory.delete(where),
        await directory.patch(where, json=patch({"op": "replace", "path": "userName", "value": f"x@{DOMAIN}"})),
        await directory.patch(where, json=patch({"op": "replace", "path": "roles", "value": "viewer"})),
    ):
        failed(answer, 403)
    assert (await directory.get(where)).json()["active"] is True


async def test_addresses_of_foreign_domains_are_not_taken(directory: httpx.AsyncClient, crew: Crew) -> None:
    """Otherwise a directory could put its own address on somebody and ask for a new password."""
    failed(await directory.post(USERS, json=newcomer(userName="x@contoso.example")), 400, "invalidValue")
    change = patch({"op": "replace", "path": "userName", "value": "thief@contoso.example"})
    failed(await directory.patch(f"{USERS}/{crew.engineer.id}", json=change), 400, "invalidValue")
    taken = patch({"op": "replace", "path": "userName", "value": crew.viewer.email})
    failed(await directory.patch(f"{USERS}/{crew.engineer.id}", json=taken), 409, "uniqueness")


async def test_nobody_but_the_accounts_own_directory_gets_in(
    directory: httpx.AsyncClient, crew: Crew, server: Server, http: Http, people: People, database_url: str
) -> None:
    other = await people("Contoso MSP")
    failed(await directory.get(f"{USERS}/{other.engineer.id}"), 404)
    failed(await directory.patch(f"{USERS}/{other.engineer.id}", json=GONE), 404)
    failed(await directory.get(f"{USERS}/nonsense"), 404)
    for token in ("", "nonsense", crew.owner.token):
        answer = await http(token or None).get(USERS)
        failed(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"
    scim = directory.headers["authorization"].removeprefix("Bearer ")
    refused(await http(scim).get(f"{API}/me"), 401, "unauthenticated")
    assert scim not in str(await Owner(database_url).fetch("SELECT * FROM scim_token"))
    async with Forms(server) as boss, Forms(server) as admin:
        await admin.sign_in(crew.admin)
        await admin.get("/admin/sign-in")
        assert (await admin.post("/admin/sign-in/directory", label="x")).status_code == 403
        await boss.sign_in(crew.owner)
        page = (await boss.get("/admin/sign-in")).text
        ended = re.search(r'action="(/admin/sign-in/directory/[\w-]+/end)"', page)
        assert ended
        assert (await admin.post(ended[1])).status_code == 403
        assert (await boss.post(ended[1])).status_code == 303
    failed(await directory.get(USERS), 401)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"{}",
        b'{"Operations": {}}',
        b'{"Operations": [7]}',
        b'{"Operations": [{"op": "jump"}]}',
        b'{"Operations": [{"op": "replace", "path": 7}]}',
        b'{"Operations": [{"op": "replace", "path": "active", "value": []}]}',
        b'{"Operations": [{"op": "replace", "path": "displayName", "value": 7}]}',
        b'{"Operations": [{"op": "replace", "path": "displayName", "value": "a\\u0000b"}]}',
        b'{"Operations": [{"op": "replace", "path": "externalId", "value": "\\ud800"}]}',
    ],
)
async def test_what_makes_no_sense_is_a_400_and_changes_nothing(
    directory: httpx.AsyncClient, crew: Crew, body: bytes
) -> None:
    answer = await directory.patch(f"{USERS}/{crew.viewer.id}", content=body)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/scim+json"), answer.text
    assert (await directory.post(USERS, content=body)).status_code == 400


def test_directories_say_the_same_in_different_words() -> None:
    for operation in (
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "replace", "value": {"active": False}},
        {"op": "Replace", "path": f"{SCHEMA}:active", "value": False},
    ):
        assert patched({"Operations": [operation]}).active is False
    mail = {"op": "Add", "path": 'emails[type eq "work"].value', "value": "n@x.example"}
    assert patched({"Operations": [mail]}).email == "n@x.example"
    passed_over = {"op": "Add", "path": "title", "value": "Engineer"}
    assert patched({"Operations": [passed_over]}).said == set()
    assert whole({"username": "n@x.example", "displayName": "N"}).name == "N"
    assert wanted(' externalid EQ "a\\"b" ') == ("externalid", 'a"b')
    with pytest.raises(ScimError):
        wanted('userName co "x"')
