"""What a page loads beside itself: small on the way, and not at all when the browser has it."""

import httpx

from tests.support.server import Server


async def test_text_comes_compressed_and_is_the_same_as_without(server: Server) -> None:
    """A first visit over a telephone must not wait for 200 kB of style and script."""
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
        for path in ("/static/css/base.css", "/static/js/app.js", "/static/icons.svg", "/static/htmx.min.js"):
            plain = await client.get(path, headers={"Accept-Encoding": "identity"})
            packed = await client.get(path, headers={"Accept-Encoding": "br, gzip"})
            assert "content-encoding" not in plain.headers
            assert packed.headers["content-encoding"] == "gzip"
            assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
            assert packed.headers["content-type"] == plain.headers["content-type"]
            assert packed.content == plain.content
            assert int(packed.headers["content-length"]) < int(plain.headers["content-length"])


async def test_what_the_browser_has_is_not_sent_again(server: Server) -> None:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
        first = await client.get("/static/css/base.css")
        again = await client.get("/static/css/base.css", headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content, again.headers["cache-control"]) == (304, b"", "no-cache")
        part = await client.get("/static/css/base.css", headers={"Range": "bytes=0-9"})
        assert (part.status_code, len(part.content)) == (206, 10)


async def test_pages_stay_uncompressed(server: Server) -> None:
    """They hold the anti-forgery value beside words that others chose: compressed, its length would give it away."""
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
        page = await client.get("/sign-in", headers={"Accept-Encoding": "gzip"})
        assert "content-encoding" not in page.headers
