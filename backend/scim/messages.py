"""SCIM's words (RFC 7643, 7644): what a user looks like there, which filters and changes are understood. Pure.

Directories differ: Entra writes `"False"` for false and `Add` for add, Okta replaces whole users. Attributes that mean
nothing here are passed over, as RFC 7644, 3.5.2 lets a server do with what it does not keep.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
LIST: Final = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
PATCH: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ERROR: Final = "urn:ietf:params:scim:api:messages:2.0:Error"
_FILTER: Final = re.compile(r'\s*(userName|externalId|id)\s+eq\s+"((?:[^"\\]|\\.)*)"\s*', re.IGNORECASE)
_MAIL_PATH: Final = re.compile(r'emails(\[\s*(type\s+eq\s+"work"|primary\s+eq\s+true)\s*\])?(\.value)?', re.IGNORECASE)
_TRUE: Final = {True: True, "true": True, "True": True, False: False, "false": False, "False": False}
_MOST_OPERATIONS: Final = 100


class ScimError(Exception):
    """An answer in SCIM's own form: HTTP status, one sentence, and the protocol's word for it where it has one."""

    def __init__(self, status: int, detail: str, kind: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.kind = kind

    def document(self) -> dict[str, object]:
        """The body."""
        word = {"scimType": self.kind} if self.kind else {}
        return {"schemas": [ERROR], "status": str(self.status), "detail": self.detail, **word}


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryUser:
    """A person of the account as a directory sees them."""

    id: UUID
    email: str
    name: str
    role: str
    active: bool
    external_id: str | None
    created_at: datetime


@dataclass(slots=True, kw_only=True)
class Changes:
    """What a request says of a user; what it does not say is in `said` not named."""

    email: str = ""
    name: str = ""
    role: str = ""
    active: bool = True
    external_id: str | None = None
    said: set[str] = field(default_factory=set)

    def put(self, name: str, value: Any) -> None:
        """Keep one of the attributes."""
        setattr(self, name, value)
        self.said.add(name)


def resource(user: DirectoryUser, base: str) -> dict[str, object]:
    """The user as JSON. `base` is the address of `/scim/v2`."""
    return {
        "schemas": [USER],
        "id": str(user.id),
        **({"externalId": user.external_id} if user.external_id else {}),
        "userName": user.email,
        "displayName": user.name,
        "name": {"formatted": user.name},
        "emails": [{"value": user.email, "type": "work", "primary": True}],
        "roles": [{"value": user.role, "primary": True}],
        "active": user.active,
        "meta": {
            "resourceType": "User",
            "created": user.created_at.isoformat(),
            "lastModified": user.created_at.isoformat(),
            "location": f"{base}/Users/{user.id}",
        },
    }


def wanted(text: str | None) -> tuple[str, str] | None:
    """Attribute and value of a filter; None without one. Refuses every other kind of filter."""
    if text is None or not text.strip():
        return None
    match = _FILTER.fullmatch(text)
    if match is None:
        raise ScimError(400, "Filter by userName, externalId or id, with eq.", "invalidFilter")
    return match[1].lower(), re.sub(r"\\(.)", r"\1", match[2])


def whole(body: Any) -> Changes:
    """A user as POST and PUT send it."""
    if not isinstance(body, dict):
        raise ScimError(400, "The body must be a user.", "invalidSyntax")
    lowered = {str(name).lower(): value for name, value in body.items()}
    changes = Changes()
    for name, value in lowered.items():
        _take(changes, name, value)
    if "email" not in changes.said:
        raise ScimError(400, "`userName` is missing.", "invalidValue")
    if "name" not in changes.said and (found := _from_parts(lowered.get("name"))):
        changes.put("name", found)
    return changes


def patched(body: Any) -> Changes:
    """What the operations of a PATCH come to."""
    operations = body.get("Operations") if isinstance(body, dict) else None
    if not isinstance(operations, list) or len(operations) > _MOST_OPERATIONS:
        raise ScimError(400, "`Operations` must be a list.", "invalidSyntax")
    changes = Changes()
    for one in operations:
        if not isinstance(one, dict) or str(one.get("op", "")).lower() not in {"add", "replace", "remove"}:
            raise ScimError(400, "An operation must add, replace or remove.", "invalidSyntax")
        path, value = one.get("path"), one.get("value")
        removing = str(one["op"]).lower() == "remove"
        if path is None and isinstance(value, dict) and not removing:
            for name, inner in value.items():
                _take(changes, str(name).lower(), inner)
        elif isinstance(path, str) and removing:
            if path.lower().removeprefix(f"{USER.lower()}:") == "externalid":
                changes.put("external_id", None)
        elif isinstance(path, str):
            _take(changes, path.lower(), value)
        else:
            raise ScimError(400, "An operation names no path that can be used.", "noTarget")
    return changes


def _take(changes: Changes, path: str, value: Any) -> None:
    """One attribute of a request, by its lower-case path."""
    name = path.removeprefix(f"{USER.lower()}:")
    if name == "username" or _MAIL_PATH.fullmatch(name):
        address = _address(value)
        if name == "username" or "email" not in changes.said:
            changes.put("email", address)
    elif name in {"displayname", "name.formatted"}:
        changes.put("name", _text(name, value))
    elif name == "name" and isinstance(value, dict) and "name" not in changes.said:
        if found := _from_parts(value):
            changes.put("name", found)
    elif name == "externalid":
        changes.put("external_id", _text(name, value) if value is not None else None)
    elif name == "active":
        if not isinstance(value, bool | str) or value not in _TRUE:
            raise ScimError(400, "`active` must be true or false.", "invalidValue")
        changes.put("active", _TRUE[value])
    elif (name in {"roles", "roles.value"} or name.startswith("roles[")) and (role := _role(value)):
        changes.put("role", role)


def _address(value: Any) -> str:
    if isinstance(value, list):
        chosen: list[Mapping[str, Any]] = [one for one in value if isinstance(one, dict)]
        first = next(
            (one for one in chosen if one.get("primary") in {True, "true", "True"}), chosen[0] if chosen else {}
        )
        value = first.get("value")
    return _text("userName", value)


def _role(value: Any) -> str:
    first = value[0] if isinstance(value, list) and value else value
    if isinstance(first, dict):
        first = first.get("value")
    return first.strip().lower() if isinstance(first, str) else ""


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ScimError(400, f"`{name}` must be a text.", "invalidValue")
    return value.strip()


def _from_parts(name: Any) -> str:
    if not isinstance(name, dict):
        return ""
    lowered = {str(key).lower(): value for key, value in name.items()}
    if isinstance(lowered.get("formatted"), str) and lowered["formatted"].strip():
        return str(lowered["formatted"]).strip()
    return " ".join(str(lowered[part]).strip() for part in ("givenname", "familyname") if lowered.get(part))
