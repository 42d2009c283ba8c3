"""/updates: the signed word on releases for installed apps, from `updates` in the folder of installers.

For anybody, as the app asks before anyone is signed in: the files are signed, and no more secret than the installers.
"""

import re
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, Response

from backend.domain.refusal import Refusal

router = APIRouter(include_in_schema=False)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_PARTS: Final = {"metadata": "application/json", "targets": "application/octet-stream"}


@router.get("/updates/{part}/{name}")
async def update_file(request: Request, part: str, name: str) -> Response:
    """One file as it lies there; nothing else of the folder can be named."""
    path = request.app.state.installers_dir / "updates" / part / name
    if part not in _PARTS or not _NAME.fullmatch(name) or path.is_symlink() or not path.is_file():
        raise Refusal("not_found", "There is no such update.")
    return FileResponse(path, media_type=_PARTS[part], headers={"Cache-Control": "no-cache"})
