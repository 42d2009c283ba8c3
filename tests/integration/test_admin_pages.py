"""The other pages of administrators: e-mail, webhooks, computers, installers."""

import hashlib
from collections.abc import Awaitable, Callable, Iterator
from html import unescape
from pathlib import Path

import pytest

from tests.conftest import Http
from tests.support.flow import escalated
from tests.support.mail_server import MailServer
from tests.support.pairing import paired
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.web import Forms

People = Callable[..., Awaitable[Crew]]
PAGES = ("people", "policy", "email", "webhooks", "devices", "installers", "ai", "audit")


@pytest.fixture
async def crew(people: People) -> Crew:
    return await people()


@pytest.fixture(scope="module")
def post() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("installers")
    (made / "FlowPilot-1.2.3.msi").write_bytes(b"msi" * 1000)
    (made / "flowpilot_1.2.3_amd64.deb").write_bytes(b"deb")
    (made / "notes.txt").write_text("nothing to install")
    (made / ".hidden.deb").write_bytes(b"x")
    (made / "outside.rpm").symlink_to("/etc/passwd")
    (made / "updates" / "metadata").mkdir(parents=True)
    (made / "updates" / "metadata" / "timestamp.json").write_text("{}")
    (made / "updates" / "metadata" / "link.json").symlink_to("/etc/passwd")
    (made / "updates" / "notes.txt").write_text("not for apps")
    return made


@pytest.fixture(scope="module")
def mailing(serve_module: Callable[..., Server], post: MailServer, folder: Path) -> Server:
    return serve_module(
        FLOWPILOT_SMTP_URL=post.url,
        FLOWPILOT_MAIL_FROM="flowpilot@northwind.example",
        FLOWPILOT_EMAIL_AFTER_S="0",
        FLOWPILOT_INSTALLERS_DIR=str(folder),
    )


async def test_every_page_is_for_administrators_alone(crew: Crew, server: Server) -> None:
    async with Forms(server) as admin, Forms(server) as senior:
        await admin.sign_in(crew.admin)
        await senior.sign_in(crew.engineer)
        for page in PAGES:
            assert (await admin.get(f"/admin/{page}")).status_code == 200, page
            refused = await senior.get(f"/admin/{page}")
            assert (refused.status_code, "Your role does not include this page." in refused.text) == (403, True), page
        assert 'data-testid="nav-admin"' in (await admin.get("/sessions")).text
        assert 'data-testid="nav-admin"' not in (await senior.get("/sessions")).text


async def test_a_test_mail_says_what_the_mail_server_said(crew: Crew, mailing: Server, post: MailServer) -> None:
    post.clear()
    post.behave("ok")
    async with Forms(mailing) as admin:
        await admin.sign_in(crew.admin)
        await admin.get("/admin/email")
        page = unescape((await admin.post("/admin/email/test")).text)
        assert 'data-outcome="accepted"' in page
        assert f"for {crew.admin.email}" in page
        assert post.received[-1].recipients == (crew.admin.email,)
        post.behave("refuse_recipient")
        page = unescape((await admin.post("/admin/email/test")).text)
        assert 'data-outcome="failed"' in page
        assert "Nothing was sent" in page
        post.behave("cut_after_data")
        assert 'data-outcome="unknown"' in (await admin.post("/admin/email/test")).text
    post.behave("ok")


async def test_without_a_mail_server_the_page_says_so(crew: Crew, server: Server) -> None:
    async with Forms(server) as admin:
        await admin.sign_in(crew.admin)
        page = unescape((await admin.get("/admin/email")).text)
        assert "No mail goes out." in page
        assert "FLOWPILOT_SMTP_URL" in unescape((await admin.post("/admin/email/test")).text)


async def test_the_senders_name_and_the_content_are_those_of_the_mails(
    crew: Crew, mailing: Server, post: MailServer, http: Http
) -> None:
    post.clear()
    async with Forms(mailing) as admin:
        await admin.sign_in(crew.admin)
        await admin.get("/admin/email")
        for delay in ("999", "0003001", "-1", "²", "9" * 5_000):
            wrong = await admin.post("/admin/email", content="full", delay=delay, sender_name="Northwind")
            assert wrong.status_code == 422, delay
            assert "0 to 300 seconds" in wrong.text
        saved = await admin.post("/admin/email", content="title_only", delay="0", sender_name="Northwind Escalations")
        assert saved.status_code == 303
        assert "title_only" in (await admin.get("/admin/audit?action=email")).text
    await escalated(http(crew.technician, at=mailing), "VPN drops")
    post.wait_for(1, timeout=40)
    sent = post.received[0].message
    assert str(sent["From"]) == "Northwind Escalations <flowpilot@northwind.example>"
    body = sent.get_body(("plain",))
    assert body is not None
    assert "What Tess needs" not in body.get_content()


async def test_a_webhook_is_set_up_tried_switched_off_and_removed(crew: Crew, server: Server) -> None:
    async with Forms(server) as admin:
        await admin.sign_in(crew.admin)
        await admin.get("/admin/webhooks")
        bad = await admin.post(
            "/admin/webhooks", name="Here", url="http://127.0.0.1/", format="generic", event="created"
        )
        assert 'data-testid="webhook-error"' in bad.text
        assert 'value="Here"' in bad.text
        made = await admin.post(
            "/admin/webhooks", name="Desk", url="https://1.1.1.1/", format="generic", event="claimed"
        )
        assert "Its signing secret is shown this once" in made.text
        page = (await admin.get("/admin/webhooks")).text
        assert "signing secret" not in page
        hook = page.split("/admin/webhooks/")[1].split("/")[0]
        await admin.post(f"/admin/webhooks/{hook}/off")
        assert 'data-active="no"' in (await admin.get("/admin/webhooks")).text
        await admin.post(f"/admin/webhooks/{hook}/delete")
        assert 'data-testid="webhook-empty"' in (await admin.get("/admin/webhooks")).text
        log = (await admin.get("/admin/audit?action=webhook")).text
        for words in ("Added the webhook Desk", "Changed the webhook Desk", "Removed the webhook Desk"):
            assert words in log


async def test_installers_are_listed_with_checksums_and_nothing_else_is_given_out(
    crew: Crew, mailing: Server, folder: Path
) -> None:
    name = "FlowPilot-1.2.3.msi"
    checksum = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    async with Forms(mailing) as admin, Forms(mailing) as junior, Forms(mailing) as stranger:
        await admin.sign_in(crew.admin)
        page = (await admin.get("/admin/installers")).text
        assert page.count('data-testid="installer-row"') == 2
        assert checksum in page
        assert 'data-testid="installer-trial"' not in page
        trial = folder / "flowpilot-tray-1.2.3-x64-test.msi"
        trial.write_bytes(b"trial")
        try:  # what is not signed for customers must not be taken for a release
            assert 'data-testid="installer-trial"' in (await admin.get("/admin/installers")).text
        finally:
            trial.unlink()
        await junior.sign_in(crew.technician)
        assert checksum in (await junior.get("/account/devices")).text
        file = await junior.http.get(f"/installers/{name}")
        assert file.content == (folder / name).read_bytes()
        assert file.headers["content-disposition"] == f'attachment; filename="{name}"'
        assert file.headers["x-content-type-options"] == "nosniff"
        for other in ("notes.txt", ".hidden.deb", "outside.rpm", "..%2f..%2fetc%2fpasswd", "%2fetc%2fpasswd"):
            assert (await junior.http.get(f"/installers/{other}")).status_code == 404, other
        assert (await stranger.http.get(f"/installers/{name}")).status_code == 303


async def test_a_file_that_is_not_the_released_one_is_shown_as_such_and_not_given_out(
    crew: Crew, mailing: Server, folder: Path
) -> None:
    name = "flowpilot_1.2.3_amd64.deb"
    try:
        (folder / "SHA256SUMS").write_text(f"{'0' * 64}  {name}\n")
        async with Forms(mailing) as admin:
            await admin.sign_in(crew.admin)
            page = (await admin.get("/admin/installers")).text
            assert page.count('data-testid="installer-damaged"') == 1
            assert page.count('data-testid="installer-download"') == 1
            assert (await admin.http.get(f"/installers/{name}")).status_code == 404
            assert (await admin.http.get("/installers/SHA256SUMS")).text.endswith(f"{name}\n")
            (folder / "SHA256SUMS").write_text(f"{hashlib.sha256(b'deb').hexdigest()}  {name}\n")
            assert (await admin.http.get(f"/installers/{name}")).content == b"deb"
    finally:
        (folder / "SHA256SUMS").unlink()


async def test_apps_read_the_signed_word_on_releases_and_nothing_beside_it(mailing: Server) -> None:
    """Asked before anybody is signed in, so whatever else lay there would be open to the world."""
    async with Forms(mailing) as app:
        found = await app.http.get("/updates/metadata/timestamp.json")
        assert (found.status_code, found.json(), found.headers["x-content-type-options"]) == (200, {}, "nosniff")
        wrong = (
            "metadata/link.json",
            "metadata/..%2fnotes.txt",
            "notes.txt",
            "keys/root.pem",
            "metadata/..",
            "targets/x",
        )
        for other in wrong:
            assert (await app.http.get(f"/updates/{other}")).status_code == 404, other


async def test_computers_that_are_behind_are_counted(crew: Crew, mailing: Server, http: Http) -> None:
    await paired(mailing, crew.engineer, http(at=mailing))
    async with Forms(mailing) as admin:
        await admin.sign_in(crew.admin)
        page = unescape((await admin.get("/admin/installers")).text)
    assert "1 of 1 computers runs a version before 1.2.3." in page


async def test_without_installers_the_page_says_what_to_do(crew: Crew, server: Server) -> None:
    async with Forms(server) as admin:
        await admin.sign_in(crew.admin)
        assert "FLOWPILOT_INSTALLERS_DIR" in (await admin.get("/admin/installers")).text


async def test_an_administrator_reads_what_leaves_for_a_model_and_switches_it_off(
    crew: Crew, server: Server, http: Http
) -> None:
    async with Forms(server) as admin:
        await admin.sign_in(crew.admin)
        page = (await admin.get("/admin/ai")).text
        for words in ("No model is connected.", "Never sent", "The newest messages, and the names of those who wrote"):
            assert words in page
        assert (await admin.post("/admin/ai")).status_code == 422
        assert (await admin.post("/admin/ai", enabled="no")).headers["location"] == "/admin/ai?saved=1"
        assert (await http(crew.admin).get("/api/v1/account/settings")).json()["ai_enabled"] is False
        assert "Changed the account" in (await admin.get("/admin/audit?action=settings")).text
