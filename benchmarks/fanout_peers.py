"""The peers of the fan-out benchmark, each started as its makers say and spoken to in its own protocol.

What is not installed is fetched from the distribution (or the package index) into a folder of its own and thrown away
with it; what cannot be had here raises `NotHereError`, and the table says so.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.fanout_load import Publisher, Step, http_answered, ws_handshake

_HERE: Final = Path(__file__).parent
_FETCHED: Final = _HERE.parent / "var/bench/peers"
_FETCH_S: Final = 180


class NotHereError(Exception):
    """This peer cannot be had on this machine; the text says why."""


@dataclass(slots=True)
class Peer:
    """A running peer. `script(topic)` is what a subscriber does, `request(topic, payload)` publishes."""

    name: str
    version: str
    port: int
    processes: list[int]
    script: Callable[[int], Sequence[Step]]
    request: Callable[[int, bytes], bytes]
    publisher: Callable[[], Publisher]
    others: dict[str, list[int]] = field(default_factory=dict)
    """Processes that work for it and are counted apart, such as its broker."""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def debian(*packages: str) -> Path:
    """The packages and what they need and is not installed, unpacked; nothing is installed or started."""
    folder = _FETCHED / packages[0]
    root = folder / "root"
    if root.exists():
        return root
    if shutil.which("apt-get") is None:
        raise NotHereError("no apt here")
    folder.mkdir(parents=True, exist_ok=True)
    plan = subprocess.run(
        ["apt-get", "install", "-s", "--no-install-recommends", *packages],
        capture_output=True, text=True, check=False, timeout=_FETCH_S,
    )  # fmt: skip
    names = [line.split()[1] for line in plan.stdout.splitlines() if line.startswith("Inst ")]
    if plan.returncode != 0:
        raise NotHereError(f"apt does not know {' '.join(packages)}")
    for name in names:
        get = ["apt-get", "download", name]
        if subprocess.run(get, cwd=folder, capture_output=True, check=False, timeout=_FETCH_S).returncode != 0:
            raise NotHereError(f"{name} could not be fetched")
    half = folder / "half"
    for archive in folder.glob("*.deb"):
        subprocess.run(["dpkg", "-x", archive, half], check=True)
    return half.rename(root)


@contextlib.contextmanager
def running(command: Sequence[str | Path], port: int, *, root: Path | None = None, **environment: str) -> Iterator[int]:
    """The program, from when it takes connections on; answers its number."""
    env = {**os.environ, **environment}
    if root is not None:
        env["LD_LIBRARY_PATH"] = _libraries(root)
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(400):
            if process.poll() is not None:
                raise NotHereError(f"{Path(command[0]).name} ended with {process.returncode}")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        else:
            raise NotHereError(f"{Path(command[0]).name} does not listen on its port")
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _libraries(root: Path) -> str:
    return f"{root}/usr/lib/x86_64-linux-gnu:{root}/usr/lib/aarch64-linux-gnu"


def _version(command: Sequence[str | Path], **options: str) -> str:
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **options})
    words = (answer.stdout + answer.stderr).replace(",", " ").replace("/", " ").replace("=", " ").split()
    return next((word.lstrip("v") for word in words if word.lstrip("v")[:1].isdigit()), "unknown")


def _post(path: str, port: int) -> Callable[[int, bytes], bytes]:
    def request(topic: int, payload: bytes) -> bytes:
        head = f"POST {path}t{topic} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(payload)}\r\n\r\n"
        return head.encode() + payload

    return request


def _ws(path: str) -> Callable[[int], Sequence[Step]]:
    return lambda topic: [(ws_handshake(f"{path}t{topic}"), b"\r\n\r\n")]


@contextlib.contextmanager
def nchan(folder: Path) -> Iterator[Peer]:
    """Nginx with its push module, one worker."""
    root = debian("nginx-light", "libnginx-mod-nchan")
    port, temporary = free_port(), folder / "tmp"
    temporary.mkdir()
    temporary.chmod(0o777)
    folder.chmod(0o755)
    paths = "".join(
        f"{name}_temp_path {temporary}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    with contextlib.suppress(OSError):  # Debian's build looks for it whatever the configuration says
        Path("/var/lib/nginx").mkdir(exist_ok=True)
    config = folder / "nginx.conf"
    config.write_text(
        f"load_module {root}/usr/lib/nginx/modules/ngx_nchan_module.so;\ndaemon off;\nworker_processes 1;\n"
        f"pid {folder}/pid;\nerror_log {folder}/error.log;\nworker_rlimit_nofile 20000;\n"
        "events { worker_connections 19000; }\n"
        f"http {{ access_log off; keepalive_requests 1000000; {paths} server {{ listen 127.0.0.1:{port} backlog=4096;\n"
        r"location ~ ^/sub/(\w+)$ { nchan_subscriber websocket; nchan_channel_id $1;"
        " nchan_subscriber_first_message newest; }"
        "\n"
        r"location ~ ^/pub/(\w+)$ { nchan_publisher; nchan_channel_id $1; nchan_message_buffer_length 1; } } }"
        "\n"
    )
    program = root / "usr/sbin/nginx"
    with running([program, "-c", config, "-p", folder, "-e", folder / "error.log"], port, root=root) as pid:
        version = _version([program, "-v"])
        yield Peer(
            "nchan (nginx)", version, port, [pid], _ws("/sub/"), _post("/pub/", port),
            lambda: Publisher(port, http_answered),
        )  # fmt: skip


def _text(value: str) -> bytes:
    return len(value).to_bytes(2, "big") + value.encode()


def _packet(kind: int, body: bytes) -> bytes:
    length, head = len(body), bytearray([kind])
    while True:
        length, digit = length >> 7, length & 127
        head.append(digit | (128 if length else 0))
        if not length:
            return bytes(head) + body


@contextlib.contextmanager
def mosquitto(folder: Path) -> Iterator[Peer]:
    """MQTT over plain TCP: its WebSocket listener walks through all connections at each wake-up."""
    root, port = debian("mosquitto"), free_port()
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_connections -1\nuser nobody\n")
    hello = b"\x00\x04MQTT\x04\x02\x00\x00"

    def script(topic: int) -> Sequence[Step]:
        subscribe = _packet(0x82, b"\x00\x01" + _text(f"t{topic}") + b"\x00")
        return [(_packet(0x10, hello + _text("")), b"\x20\x02\x00\x00"), (subscribe, b"\x90\x03\x00\x01\x00")]

    program = root / "usr/sbin/mosquitto"
    with running([program, "-c", config], port, root=root) as pid:
        yield Peer(
            "mosquitto (MQTT)", _version([program, "-h"], LD_LIBRARY_PATH=_libraries(root)), port, [pid], script,
            lambda topic, payload: _packet(0x30, _text(f"t{topic}") + payload),
            lambda: Publisher(port, lambda _: True, greeting=_packet(0x10, hello + _text(""))),
        )  # fmt: skip


@contextlib.contextmanager
def nats(_folder: Path) -> Iterator[Peer]:
    """NATS core over its own protocol."""
    program, port = shutil.which("nats-server") or "/usr/sbin/nats-server", free_port()
    if not Path(program).exists():
        raise NotHereError("nats-server is not installed")
    connect = b'CONNECT {"verbose":false,"pedantic":false}\r\n'

    def script(topic: int) -> Sequence[Step]:
        return [(connect + f"SUB t{topic} 1\r\nPING\r\n".encode(), b"PONG")]

    with running([program, "-a", "127.0.0.1", "-p", str(port)], port) as pid:
        yield Peer(
            "NATS", _version([program, "-v"]), port, [pid], script,
            lambda topic, payload: f"PUB t{topic} {len(payload)}\r\n".encode() + payload + b"\r\n",
            lambda: Publisher(port, lambda _: True, greeting=connect + b"PING\r\n"),
        )  # fmt: skip


@contextlib.contextmanager
def redis(_folder: Path) -> Iterator[Peer]:
    """Redis pub/sub over its own protocol."""
    root, port = debian("redis-server"), free_port()
    program = _redis_program(root)
    with running([program, *_redis_options(port)], port, root=root) as pid:
        yield Peer(
            "Redis pub/sub", _version([program, "--version"], LD_LIBRARY_PATH=_libraries(root)), port, [pid],
            lambda topic: [(f"SUBSCRIBE t{topic}\r\n".encode(), b"subscribe")],
            lambda topic, payload: b"".join(
                b"$%d\r\n%s\r\n" % (len(word), word) if word else b"*3\r\n"
                for word in (b"", b"PUBLISH", b"t%d" % topic, payload)
            ),
            lambda: Publisher(port, lambda read: read.endswith(b"\r\n")),
        )  # fmt: skip


def _redis_program(root: Path) -> Path:
    return root / "usr/bin/redis-server"


def _redis_options(port: int) -> list[str]:
    keeps_nothing = ["--save", "", "--appendonly", "no"]
    # Its protection lets 127.0.0.1 in and no other address of this machine, such as the load's.
    return [
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--protected-mode",
        "no",
        "--maxclients",
        "15000",
        *keeps_nothing,
    ]


@contextlib.contextmanager
def bare(_folder: Path) -> Iterator[Peer]:
    """A bare ASGI broadcaster under uvicorn, with the same protocol classes that we run under."""
    port = free_port()
    command = [
        sys.executable, "-m", "uvicorn", "benchmarks.bare_broadcaster:app", "--port", str(port),
        "--log-level", "warning", "--ws", "websockets-sansio", "--ws-per-message-deflate", "false",
        "--http", "httptools", "--loop", "uvloop", "--backlog", "4096", "--no-access-log",
    ]  # fmt: skip
    with running(command, port) as pid:
        import uvicorn  # noqa: PLC0415 - only for its number

        yield Peer(
            "bare uvicorn broadcaster", uvicorn.__version__, port, [pid], _ws("/"), _post("/publish/", port),
            lambda: Publisher(port, http_answered),
        )  # fmt: skip


@contextlib.contextmanager
def channels(folder: Path) -> Iterator[Peer]:
    """Django Channels under uvicorn, its groups in Redis; both are counted, the broker apart."""
    place = _FETCHED / "channels"
    (folder / "channels_app.py").write_text((_HERE / "channels_app.py.txt").read_text())
    if not (place / "bin/uvicorn").exists():
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        wanted = ["channels", "channels_redis", "django", "uvicorn", "websockets", "uvloop", "httptools"]
        get: list[str | Path] = [place / "bin/pip", "--disable-pip-version-check", "install", "--quiet", *wanted]
        if subprocess.run(get, capture_output=True, check=False, timeout=_FETCH_S).returncode != 0:
            raise NotHereError("the packages could not be installed")
    root, broker = debian("redis-server"), free_port()
    port = free_port()
    command = [
        place / "bin/uvicorn", "channels_app:application", "--app-dir", folder, "--port", str(port),
        "--log-level", "warning", "--ws-per-message-deflate", "false", "--backlog", "4096", "--no-access-log",
    ]  # fmt: skip
    with (
        running([_redis_program(root), *_redis_options(broker)], broker, root=root) as behind,
        running([str(part) for part in command], port, CHANNELS_REDIS=f"redis://127.0.0.1:{broker}") as pid,
    ):
        version = _version([place / "bin/python", "-c", "import channels; print(channels.__version__)"])
        yield Peer(
            "Django Channels", version, port, [pid], _ws("/"), _post("/publish/", port),
            lambda: Publisher(port, http_answered), {"broker": [behind]},
        )  # fmt: skip


PEERS: Final[dict[str, Callable[[Path], contextlib.AbstractContextManager[Peer]]]] = {
    "bare": bare,
    "nchan": nchan,
    "nats": nats,
    "redis": redis,
    "mosquitto": mosquitto,
    "channels": channels,
}
