"""What this server says of itself to directories (RFC 7643, 5 to 7)."""

from typing import Any, Final

from backend.scim.messages import USER

MOST: Final = 200
_SP: Final = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
_RT: Final = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
_SC: Final = "urn:ietf:params:scim:schemas:core:2.0:Schema"


def config(base: str) -> dict[str, Any]:
    """ServiceProviderConfig."""
    return {
        "schemas": [_SP],
        "patch": {"supported": True},
        "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": MOST},
        "changePassword": {"supported": False},
        "sort": {"supported": False},
        "etag": {"supported": False},
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "Bearer token",
                "description": "A token that an owner makes under Admin, Sign-in",
                "primary": True,
            }
        ],
        "meta": {"resourceType": "ServiceProviderConfig", "location": f"{base}/ServiceProviderConfig"},
    }


def resource_type(base: str) -> dict[str, Any]:
    """The one type of resource."""
    return {
        "schemas": [_RT],
        "id": "User",
        "name": "User",
        "endpoint": "/Users",
        "description": "A person of the account",
        "schema": USER,
        "meta": {"resourceType": "ResourceType", "location": f"{base}/ResourceTypes/User"},
    }


def _attribute(name: str, kind: str, *, required: bool = False, unique: bool = False, many: bool = False) -> Any:
    return {
        "name": name,
        "type": kind,
        "multiValued": many,
        "required": required,
        "caseExact": False,
        "mutability": "readWrite",
        "returned": "default",
        "uniqueness": "server" if unique else "none",
    }


def schema(base: str) -> dict[str, Any]:
    """The attributes that are kept."""
    value, primary = _attribute("value", "string"), _attribute("primary", "boolean")
    return {
        "schemas": [_SC],
        "id": USER,
        "name": "User",
        "description": "A person of the account",
        "attributes": [
            _attribute("userName", "string", required=True, unique=True),
            _attribute("displayName", "string"),
            {**_attribute("name", "complex"), "subAttributes": [_attribute("formatted", "string")]},
            {**_attribute("emails", "complex", many=True), "subAttributes": [value, primary]},
            {**_attribute("roles", "complex", many=True), "subAttributes": [value, primary]},
            _attribute("externalId", "string"),
            _attribute("active", "boolean"),
        ],
        "meta": {"resourceType": "Schema", "location": f"{base}/Schemas/{USER}"},
    }
