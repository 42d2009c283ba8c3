"""The update helper: a process of its own that answers one question and ends, so that an idle tray stays small.

    {"url", "folder", "channel", "pin", "segment", "refused", "install": F?, "ca_file": F?, "proxy": {"mode", "url"}}
    →  {"state": "current" | "offered" | "staged" | "failed", "version": V?, "reason": W?, "staged": F?}

`install` names the folder that may be renewed; without it nothing is fetched beyond what tells of the release.
"""

import json
import platform
import sys
from pathlib import Path
from typing import Any, Final

from desktop.core.ports import ApiError
from desktop.net import tls
from desktop.net.proxy import ProxyChoice
from desktop.updates.mirror import Mirror, UpdateError
from desktop.updates.release import Here, offered
from desktop.updates.staging import StagingError, stage
from desktop.updates.watch import ROOT
from desktop.version import version

PLATFORM: Final = f"{platform.system().lower()}-{platform.machine().lower()}"


def main() -> int:
    """Serve one question."""
    question = json.loads(sys.stdin.readline())
    sys.stdout.write(json.dumps(answer(question, ROOT.read_bytes(), version())) + "\n")
    return 0


def answer(question: dict[str, Any], root: bytes, running: str) -> dict[str, Any]:
    """What is offered to the version that is `running`, fetched and tried where it may be installed."""
    folder, url = Path(question["folder"]), question["url"]
    here = Here(
        version=running, pin=question["pin"], segment=question["segment"], refused=frozenset(question["refused"])
    )
    try:
        proxy = ProxyChoice(**question["proxy"]).httpx_options(url)
        ca_file = question["ca_file"]
        verify = tls.context(Path(ca_file) if ca_file else None) if url.startswith("https://") else False
        mirror = Mirror(url, root, folder, verify=verify, **proxy)
        release = mirror.release(question["channel"])
        if not offered(release, here):
            return {"state": "current", "version": running}
        name = release.files.get(PLATFORM)
        if question["install"] is None or name is None:
            return {"state": "offered", "version": release.version}
        archive = mirror.fetch(name)
        try:
            made = stage(archive, Path(question["install"]))
        finally:
            archive.unlink(missing_ok=True)
    except (UpdateError, StagingError) as exc:
        return {"state": "failed", "reason": str(exc)}
    except (ApiError, OSError) as exc:
        return {"state": "failed", "reason": f"Not checked: {type(exc).__name__}."}
    return {"state": "staged", "version": release.version, "staged": str(made)}


if __name__ == "__main__":
    sys.exit(main())
