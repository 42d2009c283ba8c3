"""`runbook import`: Markdown files become runbooks of an account, all of them or none."""

import argparse
import asyncio
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from backend.commands.console import say, tell
from backend.commands.database import command_database_url, opened, refuse_without_database
from backend.commands.errors import CommandError
from backend.contract.runbooks import NewRunbook
from backend.domain.refusal import Refusal
from backend.runbooks.service import checked, import_runbooks
from backend.settings import Settings

_ENDINGS: Final = frozenset({".md", ".markdown"})
_LARGEST: Final = 262_144
_HEADING: Final = re.compile(r"^#[ \t]+(\S.*?)[ \t]*#*[ \t]*$", re.MULTILINE)
_FRONT: Final = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*\r?$\n?", re.DOTALL | re.MULTILINE)
_FIELD: Final = re.compile(r"^(title|tags)[ \t]*:[ \t]*(.*?)[ \t]*$", re.MULTILINE | re.IGNORECASE)


def import_files(arguments: argparse.Namespace) -> int:
    """Read every file first; write them in one transaction, or nothing where one of them is wrong."""
    files = list(_files(arguments.paths))
    if not files:
        raise CommandError("no Markdown file (.md, .markdown) is there; nothing was imported")
    found: dict[str, tuple[Path, NewRunbook]] = {}
    wrong = 0
    for file in files:
        try:
            _take(found, file)
        except (CommandError, Refusal) as error:
            say(f"{file}: {error}")
            wrong += 1
    if wrong:
        raise CommandError(f"{wrong} of {len(files)} files cannot be imported; nothing was imported")
    refuse_without_database()
    with command_database_url(Settings.from_environment()) as url:
        done = asyncio.run(_write(url, arguments, [runbook for _, runbook in found.values()]))
    for (file, runbook), new in zip(found.values(), done, strict=True):
        tell(f"{'new' if new else 'replaced'}\t{runbook.title}\t{file}")
    word = "would be " if arguments.dry_run else ""
    say(f"{sum(done)} {word}added, {len(done) - sum(done)} {word}replaced{'; nothing was written' if word else ''}")
    return 0


def _take(found: dict[str, tuple[Path, NewRunbook]], file: Path) -> None:
    """One file more, by its title."""
    runbook = read(file)
    title, _, _ = checked(runbook)
    if title in found:
        raise CommandError(f"has the title of {found[title][0]}: {title}")
    found[title] = (file, runbook)


async def _write(url: str, arguments: argparse.Namespace, runbooks: list[NewRunbook]) -> list[bool]:
    async with opened(url) as database:
        return await import_runbooks(database, arguments.account, runbooks, dry_run=arguments.dry_run)


def read(file: Path) -> NewRunbook:
    """One file. Its title is that of its front matter, else its first heading, else its name; tags as front matter."""
    try:
        if file.stat().st_size > _LARGEST:
            raise CommandError(f"is larger than {_LARGEST // 1024} KiB")
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise CommandError(f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CommandError("is not UTF-8 text") from error
    text = text.replace("\r\n", "\n")
    front = _FRONT.match(text)
    said = {name.lower(): value for name, value in _FIELD.findall(front[1])} if front else {}
    body = text[front.end() :] if front else text
    heading = _HEADING.search(body)
    title = said.get("title", "").strip("\"'") or (heading[1] if heading else file.stem.replace("-", " "))
    tags = [tag.strip(" \"'") for tag in said.get("tags", "").strip("[]").split(",")]
    return NewRunbook(title=title, body=body.strip("\n"), tags=[tag for tag in tags if tag])


def _files(paths: Iterable[Path]) -> Iterable[Path]:
    """Named files as they are; of folders the Markdown in them and below, by name, hidden ones left out."""
    for path in paths:
        if path.is_dir():
            below = sorted(one for one in path.rglob("*") if one.suffix.lower() in _ENDINGS and one.is_file())
            yield from (one for one in below if not any(part.startswith(".") for part in one.relative_to(path).parts))
        elif path.exists():
            yield path
        else:
            raise CommandError(f"{path} is not there; nothing was imported")
