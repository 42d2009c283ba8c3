"""The load of the fan-out benchmark: one thread, epoll, no library, and nothing in it that knows whom it loads.

A subscriber is a TCP connection with a script: bytes to send, bytes to wait for. After its script it waits for marks: a
delivery is the moment at which `MARK` and twelve digits have been read, whatever stands around them. A publisher is a
connection that sends prepared bytes at their time and reads until its protocol's end of an answer.
"""

import re
import resource
import selectors
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

MARK: Final = re.compile(rb"MARK(\d{12})")
_PING: Final = re.compile(rb"\x89\x04(.{4})", re.DOTALL)
Step = tuple[bytes | Callable[[bytes], bytes], bytes]
"""What to send (or what makes it of all that was read so far), and what to wait for after it."""
AT_ONCE: Final = 256
"""Connections under way at the same time in a storm; below every server's backlog."""
_SOURCES: Final = 8


def mark(number: int) -> str:
    """What stands somewhere in the payload of event `number`."""
    return f"MARK{number:012d}"


@dataclass(eq=False, slots=True)
class Subscriber:
    """One connection of the load."""

    port: int
    topic: int
    script: Sequence[Step]
    sock: socket.socket | None = None
    step: int = 0
    read: bytes = b""
    last: int = -1


@dataclass(eq=False, slots=True)
class Publisher:
    """One connection that publishes, one request at a time. `answered` says whether the bytes hold a whole answer."""

    port: int
    answered: Callable[[bytes], bool]
    greeting: bytes = b""
    sock: socket.socket | None = None
    read: bytes = b""
    request: bytes = b""
    busy: bool = False


@dataclass(slots=True)
class Deliveries:
    """What came: per mark the times of its deliveries (seconds since the epoch), and when it was published."""

    published: dict[int, float] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    came: dict[int, list[float]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All deliveries."""
        return sum(map(len, self.came.values()))


class Load:
    """All connections to one peer."""

    def __init__(self) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < hard:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self._selector = selectors.EpollSelector()
        self.subscribers: list[Subscriber] = []
        self.lost = 0
        self._publishers: list[Publisher] = []
        self._ready = 0
        self._deliveries = Deliveries()

    def connect(self, subscribers: Sequence[Subscriber], within_s: float = 180.0) -> float:
        """A storm: everyone as fast as the server takes them. Answers the seconds until the last was ready."""
        began, target = time.monotonic(), self._ready + self.lost + len(subscribers)
        self.subscribers += subscribers
        waiting: Iterator[Subscriber] = iter(subscribers)
        started = self._ready + self.lost
        while self._ready + self.lost < target and time.monotonic() - began < within_s:
            while started - self._ready - self.lost < AT_ONCE and (one := next(waiting, None)) is not None:
                self._dial(one, started)
                started += 1
            self._turn(0.05)
        return time.monotonic() - began

    def idle(self, seconds: float) -> None:
        """Let time pass."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._turn(min(left, 0.2))

    def publish(
        self,
        publishers: Sequence[Publisher],
        events: Sequence[tuple[int, bytes, int]],
        rate: float,
        *,
        grace_s: float = 10.0,
    ) -> Deliveries:
        """Send (mark, request, expected deliveries) at `rate` a second, then wait until all have come or time is up.

        What cannot be sent at its time is sent as soon as a publisher is free, and its clock runs from then.
        """
        self._deliveries = found = Deliveries()
        for publisher in publishers:
            self._open(publisher)
        began, n = time.monotonic(), 0
        expected, last = sum(count for _, _, count in events), time.monotonic()
        while n < len(events) or found.total < expected or any(p.busy for p in publishers):
            now = time.monotonic()
            while n < len(events) and now - began >= n / rate:
                free = next((p for p in self._publishers if not p.busy), None)
                if free is None:
                    break
                number, request, _ = events[n]
                self._send(free, number, request)
                n, last = n + 1, now
            if n == len(events) and now - last > grace_s:
                break
            due = began + n / rate - time.monotonic() if n < len(events) else 0.05
            self._turn(min(max(due, 0.0), 0.05))
        for publisher in self._publishers:
            self._drop(publisher.sock)
        self._publishers = []
        return found

    def close(self) -> None:
        """End all connections at once, without leaving them in TIME_WAIT."""
        for one in self.subscribers:
            self._drop(one.sock)
            one.sock, one.step, one.read = None, 0, b""
        self._ready, self.lost = 0, 0
        self.subscribers = []

    def _dial(self, one: Subscriber, n: int) -> None:
        one.sock = socket.socket()
        one.sock.setblocking(False)
        one.sock.bind((f"127.0.0.{2 + n % _SOURCES}", 0))
        one.sock.connect_ex(("127.0.0.1", one.port))
        self._selector.register(one.sock, selectors.EVENT_WRITE, one)

    def _open(self, publisher: Publisher) -> None:
        publisher.sock = socket.create_connection(("127.0.0.1", publisher.port))
        publisher.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if publisher.greeting:
            publisher.sock.sendall(publisher.greeting)
            time.sleep(0.05)  # its words of welcome come in parts, and none of them is needed
            publisher.sock.recv(65_536)
        publisher.sock.setblocking(False)
        publisher.busy, publisher.read = False, b""
        self._selector.register(publisher.sock, selectors.EVENT_READ, publisher)
        self._publishers.append(publisher)

    def _send(self, publisher: Publisher, number: int, request: bytes) -> None:
        assert publisher.sock is not None
        self._deliveries.published[number] = time.time()
        publisher.busy, publisher.read, publisher.request = True, b"", request
        publisher.sock.sendall(request)
        if publisher.answered(b""):
            publisher.busy = False

    def _turn(self, wait_s: float) -> None:
        for key, mask in self._selector.select(wait_s):
            if isinstance(key.data, Subscriber):
                self._serve(key.data, mask)
            else:
                self._hear(key.data)

    def _hear(self, publisher: Publisher) -> None:
        assert publisher.sock is not None
        try:
            data = publisher.sock.recv(65_536)
        except OSError:
            data = b""
        if not data:  # servers close a connection that was quiet for long; what crossed that is sent again
            self._drop(publisher.sock)
            self._publishers.remove(publisher)
            busy, request = publisher.busy, publisher.request
            self._open(publisher)
            if busy:
                publisher.busy = True
                publisher.sock.sendall(request)
            return
        publisher.read += data
        if publisher.busy and publisher.answered(publisher.read):
            publisher.busy = False
            if publisher.read.startswith(b"HTTP/1.1 ") and publisher.read[9:10] != b"2":
                self._deliveries.refused.append(publisher.read.decode(errors="replace"))

    def _serve(self, one: Subscriber, mask: int) -> None:
        assert one.sock is not None
        if mask & selectors.EVENT_WRITE:  # the connection stands
            self._selector.modify(one.sock, selectors.EVENT_READ, one)
            self._act(one)
            return
        try:
            data = one.sock.recv(262_144)
        except OSError:
            data = b""
        if not data:
            self._drop(one.sock)
            self.lost += 1
            return
        if one.step < len(one.script):
            one.read += data
            if one.script[one.step][1] in one.read:
                one.step += 1
                self._act(one)
            return
        now = time.time()
        one.read += data
        for ping in _PING.finditer(data):  # whoever does not answer is hung up on after 40 s
            one.sock.sendall(b"\x8a\x84\0\0\0\0" + ping[1])
        for found in MARK.finditer(one.read):
            number = int(found[1])
            if number != one.last:  # a payload may say its mark twice
                one.last = number
                self._deliveries.came.setdefault(number, []).append(now)
        one.read = one.read[-15:]  # the beginning of a mark, perhaps

    def _act(self, one: Subscriber) -> None:
        assert one.sock is not None
        if one.step < len(one.script):
            words = one.script[one.step][0]
            try:
                one.sock.sendall(words(one.read) if callable(words) else words)
            except OSError:
                self._drop(one.sock)
                self.lost += 1
                return
            if one.script[one.step][1] == b"":
                one.step += 1
        if one.step == len(one.script):
            one.read = b""
            self._ready += 1

    def _drop(self, sock: socket.socket | None) -> None:
        if sock is None or sock.fileno() < 0:
            return
        self._selector.unregister(sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        sock.close()


def http_answered(read: bytes) -> bool:
    """Whether the bytes hold a whole answer with a Content-Length, or without a body."""
    head, mark_, body = read.partition(b"\r\n\r\n")
    if not mark_:
        return False
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    return length is None or len(body) >= int(length[1])


def ws_handshake(path: str, *headers: str) -> bytes:
    """The request that opens a WebSocket."""
    more = "".join(f"{header}\r\n" for header in headers)
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
    ).encode()


def ws_text(text: str) -> bytes:
    """A short client frame; its mask is zero, so the bytes stand as they are."""
    data = text.encode()
    assert len(data) < 126
    return bytes([0x81, 0x80 | len(data)]) + b"\0\0\0\0" + data
