"""The server's port: taken before anything else is touched."""

import errno
import ipaddress
import socket
from typing import Final

from backend.commands.errors import CommandError

BACKLOG: Final = 4096


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 lets the system pick. Raises CommandError where the port is not to be had."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError as error:
        raise CommandError(f"there is no address {host}: {error.strerror}") from error
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        # Two processes may both bind with SO_REUSEADDR; only one may listen, so the question is settled here.
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise CommandError(f"port {port} on {host} is in use: choose another with --port") from error
        raise CommandError(f"port {port} on {host} cannot be opened: {error.strerror}") from error
    return sock


def address_of(sock: socket.socket) -> str:
    """Return `http://host:port` that reaches this socket from the same machine."""
    host, port = sock.getsockname()[:2]
    address = ipaddress.ip_address(host)
    if address.is_unspecified:
        address = ipaddress.ip_address("::1" if address.version == 6 else "127.0.0.1")
    return f"http://[{address}]:{port}" if address.version == 6 else f"http://{address}:{port}"
