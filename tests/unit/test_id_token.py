"""An ID token signs somebody in only when this provider made it, for us, for this sign-in, a moment ago."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

from backend.sso.id_token import checked
from backend.sso.people import mapped_role, verified_address
from backend.sso.port import SsoError

NOW = 1_800_000_000
ISSUER = "https://id.northwind.example"
OURS = RSAKey.generate_key(2048, {"kid": "one"})
OTHERS = RSAKey.generate_key(2048, {"kid": "one"})
KEYS = KeySet.import_key_set({"keys": [OURS.as_dict(private=False)]})
GOOD = {
    "iss": ISSUER,
    "aud": "flowpilot",
    "sub": "u-1",
    "nonce": "n",
    "iat": NOW,
    "exp": NOW + 300,
    "email": "dana@northwind.example",
    "email_verified": True,
}


def signed(changes: dict[str, Any], key: Any = OURS, alg: str = "RS256", kid: str = "one") -> str:
    claims = {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}
    return str(jwt.encode({"alg": alg, "kid": kid}, claims, key, algorithms=[alg]))


def look(token: str, *, issuer: str = ISSUER, tenant: str | None = None) -> Any:
    return checked(token, KEYS, issuer=issuer, tenant=tenant, client="flowpilot", nonce="n", now=NOW)


def test_a_good_one_names_its_person() -> None:
    assert look(signed({}))["sub"] == "u-1"
    assert look(signed({"aud": ["flowpilot", "other"], "azp": "flowpilot"}))["sub"] == "u-1"
    assert look(signed({"exp": NOW - 60, "iat": NOW + 60}))["sub"] == "u-1", "clocks differ by a minute"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"iss": ISSUER + "/"},
        {"iss": ...},
        {"aud": "other"},
        {"aud": ["other"]},
        {"aud": ...},
        {"aud": ["flowpilot", "other"]},
        {"azp": "other"},
        {"nonce": "m"},
        {"nonce": ...},
        {"exp": NOW - 121},
        {"exp": ...},
        {"exp": "soon"},
        {"exp": True},
        {"iat": NOW + 121},
        {"iat": NOW - 3_601},
        {"iat": ...},
        {"nbf": NOW + 121},
        {"nbf": "later"},
        {"sub": ...},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 256},
    ],
)
def test_one_claim_that_is_not_right_is_enough(changes: dict[str, Any]) -> None:
    with pytest.raises(SsoError):
        look(signed(changes))


def test_another_key_no_key_a_shared_key_and_nonsense_sign_nobody_in() -> None:
    def part(value: Any) -> str:
        return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    good = signed({})
    head, body, seal = good.split(".")
    # The library takes no public key for a shared one; an attacker's would.
    public = OctKey.import_key(OURS.as_pem(private=False).replace(b"-----", b""))
    pem = OURS.as_pem(private=False)
    confused = f"{part({'alg': 'HS256', 'kid': 'one'})}.{body}"
    mac = hmac.new(pem, confused.encode(), hashlib.sha256).digest()
    tokens = [
        signed({}, OTHERS),
        signed({}, RSAKey.generate_key(2048), kid="two"),
        f"{part({'alg': 'none'})}.{body}.",
        f"{part({'alg': 'none', 'kid': 'one'})}.{body}.{seal}",
        signed({}, public, "HS256"),
        f"{confused}.{urlsafe_b64encode(mac).rstrip(b'=').decode()}",
        f"{head}.{part({**GOOD, 'sub': 'u-2'})}.{seal}",
        f"{head}.{body}",
        "",
        "a.b.c",
        "x" * 5_000,
    ]
    for token in tokens:
        with pytest.raises(SsoError):
            look(token)


def test_entras_common_issuer_counts_for_the_directory_that_is_set_up() -> None:
    common = "https://login.microsoftonline.com/{tenantid}/v2.0"
    mine = {"iss": common.replace("{tenantid}", "t-1"), "tid": "t-1"}
    assert look(signed(mine), issuer=common, tenant="t-1")["sub"] == "u-1"
    for changes, tenant in (
        ({"iss": common.replace("{tenantid}", "t-2"), "tid": "t-2"}, "t-1"),
        ({"iss": common.replace("{tenantid}", "t-2"), "tid": "t-1"}, "t-1"),
        (mine, None),
        ({"iss": common, "tid": "t-1"}, "t-1"),
    ):
        with pytest.raises(SsoError):
            look(signed(changes), issuer=common, tenant=tenant)


def test_an_address_counts_where_it_is_verified_and_of_a_domain_of_the_accounts() -> None:
    domains = ["northwind.example"]
    assert verified_address(GOOD, ISSUER, domains) == "dana@northwind.example"
    entra = {"email": "Dana@Northwind.example", "xms_edov": True}
    assert verified_address(entra, ISSUER, domains) == "Dana@Northwind.example"
    for bad in (
        {"email_verified": False},
        {"email_verified": None},
        {"email": "dana@evil.example"},
        {"email": "dana@northwind.example.evil.example"},
        {"email": "dana@evil.example@northwind.example"},
        {"email": "dana\x00@northwind.example"},
        {"email": 7},
    ):
        assert verified_address({**GOOD, **bad}, ISSUER, domains) is None, bad
    google = "https://accounts.google.com"
    assert verified_address(GOOD, google, domains) is None, "a consumer's account may carry any company's address"
    assert verified_address({**GOOD, "hd": "evil.example"}, google, domains) is None
    assert verified_address({**GOOD, "hd": "northwind.example"}, google, domains)


def test_the_highest_mapped_role_counts() -> None:
    mapping = {"Desk": "technician", "Seniors": "engineer", "Odd": "emperor"}
    assert mapped_role({"groups": ["Desk", "Seniors", "Other", 7]}, "groups", mapping) == "engineer"
    assert mapped_role({"groups": "Desk"}, "groups", mapping) == "technician"
    assert mapped_role({"groups": ["Odd"]}, "groups", mapping) is None
    assert mapped_role({"groups": ["Desk"]}, "", mapping) is None
    assert mapped_role({}, "groups", mapping) is None
