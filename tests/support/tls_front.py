"""TLS before a server that speaks plain HTTP, with a certificate made for the test; a SOCKS proxy that leads there."""

import asyncio
import contextlib
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

import trustme

from tests.support.listener import end_listening

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def tls_front(port: int, certificate: trustme.LeafCert) -> AsyncIterator[int]:
    """The port on loopback where the server on `port` is reached by https."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _join(reader, writer, port)

    async with _listening(serve, context) as own:
        yield own


@contextlib.asynccontextmanager
async def socks_proxy(port: int, asked: list[str]) -> AsyncIterator[int]:
    """A SOCKS 5 proxy for any name, which then leads to `port` on loopback; keeps what it was asked for."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _version, count = await reader.readexactly(2)
        await reader.readexactly(count)
        writer.write(b"\x05\x00")
        _version, _command, _reserved, kind = await reader.readexactly(4)
        assert kind == 3, "a name, which the proxy looks up"
        name = await reader.readexactly((await reader.readexactly(1))[0])
        (wanted,) = struct.unpack(">H", await reader.readexactly(2))
        asked.append(f"{name.decode()}:{wanted}")
        writer.write(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        await _join(reader, writer, port)

    async with _listening(serve, None) as own:
        yield own


@contextlib.asynccontextmanager
async def _listening(serve: Serve, context: ssl.SSLContext | None) -> AsyncIterator[int]:
    """Ends every connection with itself."""
    tasks: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        try:
            await serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    listener = await asyncio.start_server(one, "127.0.0.1", 0, ssl=context)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        await end_listening(listener)
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    upstream, out = await asyncio.open_connection("127.0.0.1", port)
    ways = [asyncio.create_task(_pump(reader, out)), asyncio.create_task(_pump(upstream, writer))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        out.transport.abort()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await source.read(65_536):
            sink.write(chunk)
            await sink.drain()
