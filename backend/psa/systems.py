"""Which PSAs there are: what a connector of each is set up with, and what it is then."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from backend.contract.psa import PsaSystem
from backend.psa import autotask, connectwise, halo
from backend.psa.calls import Calls
from backend.psa.port import Limits, Psa
from backend.webhooks.target import Resolve


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that an administrator enters. A secret one is sealed and never shown again."""

    name: str
    label: str
    hint: str = ""
    secret: bool = False
    required: bool = True
    address: bool = False
    default: str = ""


@dataclass(frozen=True, slots=True)
class System:
    """One kind of PSA."""

    id: PsaSystem
    name: str
    fields: tuple[Field, ...]
    limits: Limits
    build: Callable[[Mapping[str, str], Calls], Psa]


def _access(kind: Callable[..., Any], values: Mapping[str, str]) -> Any:
    return kind(**{name: value for name, value in values.items() if value})


SYSTEMS: Final[dict[PsaSystem, System]] = {
    one.id: one
    for one in (
        System(
            "connectwise",
            "ConnectWise PSA",
            (
                Field("url", "Site", "https://api-na.myconnectwise.net, api-eu or api-au", address=True),
                Field("company", "Company id", "What you type at ConnectWise's sign-in"),
                Field("client_id", "Client id", "The GUID of your integration at developer.connectwise.com"),
                Field("public_key", "Public key", "Of an API member, not of a person", secret=True),
                Field("private_key", "Private key", secret=True),
            ),
            connectwise.LIMITS,
            lambda values, calls: connectwise.ConnectWise(_access(connectwise.Access, values), calls),
        ),
        System(
            "halo",
            "HaloPSA",
            (
                Field("url", "Instance", "https://yourshop.halopsa.com", address=True),
                Field("client_id", "Client id", "Of an API application with client credentials"),
                Field("client_secret", "Client secret", secret=True),
                Field("outcome", "Outcome of notes", "One that is hidden from end users", default="Private Note"),
            ),
            halo.LIMITS,
            lambda values, calls: halo.Halo(_access(halo.Access, values), calls),
        ),
        System(
            "autotask",
            "Autotask PSA",
            (
                Field("user_name", "User name", "Of an API-only user"),
                Field("secret", "Secret", "The password of the API-only user", secret=True),
                Field("integration_code", "Tracking identifier", "Of the API-only user's integration", secret=True),
                Field(
                    "url",
                    "Zone service",
                    "Where the zone is asked for; leave it as it is",
                    address=True,
                    default="https://webservices.autotask.net",
                ),
                Field(
                    "zone",
                    "Zone address",
                    "Only when the zone service does not find it: https://webservices5.autotask.net/ATServicesRest",
                    required=False,
                    address=True,
                ),
            ),
            autotask.LIMITS,
            lambda values, calls: autotask.Autotask(_access(autotask.Access, values), calls),
        ),
    )
}


def system_of(ticket_system: str) -> PsaSystem | None:
    """The PSA that a ticket's `system` names, however people write it; as SQL's psa_system() has it."""
    word = re.sub(r"[^a-z]", "", ticket_system.lower())
    if word in {"cw", "cwm", "cwmanage"} or "connectwise" in word:
        return "connectwise"
    if word.startswith("halo"):
        return "halo"
    return "autotask" if "autotask" in word else None


def build(
    system: PsaSystem,
    values: Mapping[str, str],
    *,
    allow_private: bool,
    limits: Limits | None = None,
    resolve: Resolve | None = None,
    timeout_s: float | None = None,
) -> tuple[Psa, Calls]:
    """A connector that is set up with these values, and what counts its requests."""
    kind = SYSTEMS[system]
    more = {} if timeout_s is None else {"timeout_s": timeout_s}
    calls = Calls(name=kind.name, allow_private=allow_private, limits=limits or kind.limits, resolve=resolve, **more)
    return kind.build(values, calls), calls
