"""The keyring's work, in a process of its own: one request on standard input, one answer on standard output.

Keyring backends bring 12 MB of libraries, may hang on a prompt nobody sees, and some write plain text. A process that
ends after one request costs the tray nothing and can be killed. Token and answer go through pipes, never through
arguments or files.

    {"do": "get" | "save" | "forget", "user": U, "token": T?}  →  {"ok": true | false, "token": T | null}
"""

import json
import sys
from typing import Any, Final, Protocol

SERVICE: Final = "FlowPilot Escalations"
_NONE: Final = frozenset({"keyring.backends.fail", "keyring.backends.null"})
_PLAIN: Final = "keyrings.alt"


class Backend(Protocol):
    """What is used of a keyring backend."""

    def get_password(self, service: str, username: str) -> str | None:
        """The secret, or null."""
        ...

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep it."""
        ...

    def delete_password(self, service: str, username: str) -> None:
        """Forget it."""
        ...


def main() -> int:
    """Serve one request."""
    import keyring  # noqa: PLC0415 - so that the functions below can be tested without it

    request = json.loads(sys.stdin.readline())
    sys.stdout.write(json.dumps(serve(request, keyring.get_keyring())) + "\n")
    return 0


def serve(request: dict[str, Any], backend: Backend) -> dict[str, Any]:
    """Carry out one request. A save counts only when it can be read again."""
    user = request["user"]
    try:
        if not trusted(backend):
            return {"ok": False, "token": None}
        match request["do"]:
            case "get":
                return {"ok": True, "token": backend.get_password(SERVICE, user)}
            case "save":
                backend.set_password(SERVICE, user, request["token"])
                return {"ok": backend.get_password(SERVICE, user) == request["token"], "token": None}
            case _:
                if backend.get_password(SERVICE, user) is not None:
                    backend.delete_password(SERVICE, user)
                return {"ok": True, "token": None}
    except Exception as exc:  # noqa: BLE001 - backends raise anything; each of it means: no keyring
        sys.stderr.write(f"{type(exc).__name__}\n")
        return {"ok": False, "token": None}


def trusted(backend: Backend) -> bool:
    """Whether this is a keyring at all, and none that writes plain text."""
    module = type(backend).__module__
    if module == "keyring.backends.chainer":
        parts = getattr(backend, "backends", [])
        return bool(parts) and all(trusted(part) for part in parts)
    return module not in _NONE and not module.startswith(_PLAIN)


if __name__ == "__main__":
    sys.exit(main())
