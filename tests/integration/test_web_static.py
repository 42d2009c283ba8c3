"""What a page loads beside itself: small on the way, and not at all when the browser has it."""

import re
from collections.abc import Awaitable, Callable

import httpx

from tests.support.people import Crew
from tests.support.server import Server
from tests.support.web import Forms


async def test_text_comes_compressed_and_is_the_same_as_without(server: Server) -> None:
    """A first visit over a telephone must not wait for 200 kB of style and script."""
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=30) as client:
        for path in ("/static/app.css", "/static/js/app.js", "/static/icons.svg", "/static/htmx.min.js"):
            plain = await client.get(path, headers={"Accept-Encoding": "identity"})
            packed = await client.get(path, headers={"Accept-Encoding": "br, gzip"})
            assert "content-encoding" not in plain.headers
            assert packed.headers["content-encoding"] == "gzip"
            assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
            assert packed.headers["content-type"] == plain.headers["content-type"]
            assert packed.content == plain.content
            assert int(packed.headers["content-length"]) < int(plain.headers["content-length"])


async def test_what_the_browser_has_is_not_sent_again(server: Server) -> None:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=30) as client:
        for path in ("/static/app.css", "/static/js/app.js"):
            first = await client.get(path)
            again = await client.get(path, headers={"If-None-Match": first.headers["etag"]})
            assert (again.status_code, again.content, again.headers["cache-control"]) == (304, b"", "no-cache")
        part = await client.get("/static/js/app.js", headers={"Range": "bytes=0-9"})
        assert (part.status_code, len(part.content)) == (206, 10)


async def test_long_pages_come_compressed_and_tell_nothing_by_their_length(
    server: Server, people: Callable[..., Awaitable[Crew]]
) -> None:
    """A compressed page is as long as its words repeat: its anti-forgery value must not stand in it twice the same."""
    crew = await people()
    async with Forms(server) as browser:
        await browser.sign_in(crew.admin)
        answers = [await browser.get("/sessions") for _ in range(6)]
        assert {one.headers["content-encoding"] for one in answers} == {"gzip"}
        assert {one.headers["vary"] for one in answers} == {"Accept-Encoding"}
        values = {re.search(r'data-csrf="([^"]+)"', one.text)[1] for one in answers}  # type: ignore[index]
        assert len(values) == 6, "a fresh mask in each answer"
        assert len({one.headers["content-length"] for one in answers}) > 1, "the length is blurred"
        for value in values:
            saved = await browser.http.post(
                "/preferences/theme", data={"csrf": value, "theme": "dark"}, headers={"Origin": server.url}
            )
            assert saved.status_code == 303, "each of them is good, an older page is not out of date"
        plain = await browser.http.get("/sessions", headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert plain.headers["vary"] == "Accept-Encoding"


async def test_pages_that_hold_what_opens_something_stay_uncompressed(
    server: Server, people: Callable[..., Awaitable[Crew]]
) -> None:
    """Invitation links, keys of hooks and one-view secrets are the same in every answer: no mask protects them.

    The page of people is compressed as long as no invitation's link stands on it.
    """
    crew = await people()
    async with Forms(server) as browser:
        assert "content-encoding" not in (await browser.get("/sign-in")).headers
        await browser.sign_in(crew.admin)
        assert (await browser.get("/admin/people")).headers["content-encoding"] == "gzip"
        await browser.post("/admin/people/invite", name="Ina", email="ina@northbeam.example", role="technician")
        assert "/join#t=" in (await browser.get("/admin/people")).text
        for path in ("/admin/people", "/admin/connectors", "/admin/webhooks", "/join"):
            answer = await browser.get(path)
            assert (answer.status_code, "content-encoding" in answer.headers) == (200, False), path
