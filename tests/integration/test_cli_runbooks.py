"""`flowpilot runbook import`: what an administrator has as Markdown becomes runbooks, all of it or nothing."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.conftest import Http
from tests.support.cli import Answer, flowpilot
from tests.support.people import Crew


async def test_a_folder_of_markdown_becomes_runbooks_or_nothing_does(
    people: Callable[..., Awaitable[Crew]], http: Http, database_url: str, tmp_path: Path
) -> None:
    crew = await people()
    books = tmp_path / "books"
    (books / "deep").mkdir(parents=True)
    (books / "vpn.md").write_text("# VPN drops\r\n\r\n1. Ping both ends\r\n2. Compare lifetimes\r\n", newline="")
    (books / "deep" / "printer.md").write_text("---\ntitle: Printer is blank\ntags: [printer, toner]\n---\n- Look\n")
    (books / "no-heading.markdown").write_text("- Only a step\n")
    (books / "notes.txt").write_text("not a runbook")

    async def run(*more: str, account: str = crew.account_id) -> Answer:
        return await asyncio.to_thread(
            flowpilot, "runbook", "import", "--account", account, *more, data_dir=tmp_path, database_url=database_url
        )

    async def known() -> dict[str, tuple[list[str], int]]:
        items = (await http(crew.admin).get("/api/v1/account/runbooks")).json()["items"]
        return {one["title"]: (one["tags"], len(one["steps"])) for one in items}

    tried = await run(str(books), "--dry-run")
    assert (tried.code, await known()) == (0, {})
    assert "3 would be added, 0 would be replaced; nothing was written" in tried.err
    done = await run(str(books))
    assert done.code == 0, done.err
    assert [line.split("\t")[:2] for line in done.out.splitlines()] == [
        ["new", "Printer is blank"],
        ["new", "no heading"],
        ["new", "VPN drops"],
    ]
    assert await known() == {"VPN drops": ([], 2), "Printer is blank": (["printer", "toner"], 1), "no heading": ([], 1)}
    (books / "vpn.md").write_text("# VPN drops\n\n1. One step now\n")
    (books / "bad.md").write_bytes(b"\xff\xfe not text")
    (books / "empty.md").write_text("\n")
    (books / "twin.md").write_text("# VPN drops\n- again\n")
    wrong = await run(str(books))
    assert (wrong.code, wrong.out) == (2, "")
    assert len(wrong.err.splitlines()) == 4, wrong.err
    assert "bad.md: is not UTF-8 text" in wrong.err
    assert "3 of 6 files cannot be imported; nothing was imported" in wrong.err
    assert (await known())["VPN drops"] == ([], 2), "nothing is half-written"
    again = await run(str(books / "vpn.md"))
    assert again.out.startswith("replaced\tVPN drops\t")
    assert (await known())["VPN drops"] == ([], 1)
    for arguments, account in (
        ((str(tmp_path / "nowhere"),), crew.account_id),
        ((str(books / "vpn.md"),), str(uuid.UUID(int=7))),
    ):
        refused = await run(*arguments, account=account)
        assert (refused.code, len(refused.err.splitlines())) == (2, 1), refused.err
