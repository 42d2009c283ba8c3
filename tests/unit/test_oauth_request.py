"""What an authorization request may say: near misses of the app's own address lead nowhere, PKCE is not optional."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.contract.pairing import pairing_code
from backend.identity.device_tokens import family_hash, new_refresh_token, successor
from backend.identity.failures import AT_ONCE, Failures
from backend.identity.oauth_request import RequestError, parse, redirect_allowed, verifier_matches
from tests.support.pairing import REDIRECT, Client

GOOD = ("http://127.0.0.1:1/callback", "http://127.0.0.1:65535/callback", "http://[::1]:49152/callback", REDIRECT)
HOSTS = (
    "localhost",
    "LOCALHOST",
    "127.0.0.2",
    "127.0.0.1.evil.example",
    "127.1",
    "127.0.0.01",
    "0127.0.0.1",
    "2130706433",
    "0x7f.0.0.1",
    "0.0.0.0",  # noqa: S104 - an address that must not be taken
    "evil.example",
    "user@127.0.0.1",
    "127.0.0.1@evil.example",
    "user:pw@127.0.0.1",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[0:0:0:0:0:0:0:1]",
    "::1",
    "[::1%25lo]",
    "127.0.0.1%00",
    "127.0.0.1%2eevil",
    "127\u3002" + "0.0.1",
    "\u0661\u0662\u0667.0.0.1",
    "",
)
PORTS = ("", ":", ":0", ":00080", ":65536", ":99999", ":-1", ":49152 ", ": 49152", ":4915\u0662", ":+80", ":0x50")
PATHS = (
    "",
    "/",
    "/callback/",
    "//callback",
    "/Callback",
    "/callback2",
    "/callback/../x",
    "/./callback",
    "/%63allback",
    "/callback%2f",
    "/callback?x=1",
    "/callback?",
    "/callback#x",
    "/callback#",
    "/callback;x",
    "/callback\\",
    "\\callback",
    "/callback\n",
    "/callback ",
    "/callback\x00",
    "/evil/callback",
)
SCHEMES = ("https", "HTTP", "ftp", "javascript", "data", "file", "com.flowpilot", "http:http", "")
WHOLE = (
    " http://127.0.0.1:49152/callback",
    "http:/127.0.0.1:49152/callback",
    "http:127.0.0.1:49152/callback",
    "http:\\\\127.0.0.1:49152\\callback",
    "//127.0.0.1:49152/callback",
    "http://127.0.0.1:49152/callback,http://evil.example/",
    "http://evil.example/?http://127.0.0.1:49152/callback",
    "http://127.0.0.1:49152/callback\r\nSet-Cookie: x=1",
    "http%3A%2F%2F127.0.0.1%3A49152%2Fcallback",
)
PREFIXED = tuple(f"{sign}{REDIRECT}" for sign in "\t\n\r\x00\u200b\ufeff/@#?&%") + tuple(
    f"{REDIRECT}{sign}" for sign in "\t\r\u200b\ufeff@&%.:!*"
)
MUTATIONS = [
    *(f"http://{host}:49152/callback" for host in HOSTS),
    *(f"http://{host}/callback" for host in ("127.0.0.1", "[::1]", *HOSTS)),
    *(f"http://127.0.0.1{port}/callback" for port in PORTS),
    *(f"http://[::1]{port}/callback" for port in PORTS),
    *(f"http://127.0.0.1:49152{path}" for path in PATHS),
    *(f"http://[::1]:49152{path}" for path in PATHS),
    *(f"{scheme}://127.0.0.1:49152/callback" for scheme in SCHEMES),
    *(
        f"{scheme}://{host}:49152{path}"
        for scheme, host, path in itertools.product(("https", "ws"), HOSTS[:5], PATHS[:6])
    ),
    *WHOLE,
    *PREFIXED,
]


def test_there_are_enough_near_misses() -> None:
    assert len(set(MUTATIONS)) > 200


@pytest.mark.parametrize("address", GOOD)
def test_the_apps_own_address_on_any_port_is_taken(address: str) -> None:
    assert redirect_allowed(address)


@pytest.mark.parametrize("address", sorted(set(MUTATIONS)))
def test_a_near_miss_of_the_apps_address_is_never_sent_anything(address: str) -> None:
    assert not redirect_allowed(address)
    with pytest.raises(RequestError) as refused:
        parse(list(Client().request(redirect_uri=address).items()))
    assert refused.value.redirect_uri is None


@given(st.text(max_size=40))
def test_no_other_text_is_an_address_of_the_app(text: str) -> None:
    assert not redirect_allowed(text + REDIRECT) or not text
    assert not redirect_allowed(REDIRECT + text) or not text


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"code_challenge": "x" * 42}, "invalid_request"),
        ({"code_challenge": "x" * 44}, "invalid_request"),
        ({"code_challenge": "=" * 43}, "invalid_request"),
        ({"response_type": ""}, "unsupported_response_type"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"state": ""}, "invalid_request"),
        ({"state": "short"}, "invalid_request"),
        ({"state": "with a space"}, "invalid_request"),
        ({"state": "x" * 513}, "invalid_request"),
    ],
)
def test_what_is_wrong_is_told_to_the_app(changed: dict[str, str], error: str) -> None:
    with pytest.raises(RequestError) as refused:
        parse(list(Client().request(**changed).items()))
    assert (refused.value.error, refused.value.redirect_uri) == (error, REDIRECT)


@pytest.mark.parametrize("client_id", ["", "flowpilot", "flowpilot-tray ", "FLOWPILOT-TRAY"])
def test_another_client_is_told_nothing(client_id: str) -> None:
    with pytest.raises(RequestError) as refused:
        parse(list(Client().request(client_id=client_id).items()))
    assert refused.value.redirect_uri is None


def test_a_parameter_that_is_there_twice_is_refused_before_anything_is_read() -> None:
    with pytest.raises(RequestError) as refused:
        parse([*Client().request().items(), ("redirect_uri", "http://127.0.0.1:50000/callback")])
    assert refused.value.redirect_uri is None


def test_a_computers_name_cannot_paint_over_the_page() -> None:
    asked = parse(list(Client(name="PC\u202e4-TL\n\x07 " + "x" * 200).request().items()))
    assert asked.name == ("PC 4-TL " + "x" * 200)[:60]
    assert parse(list(Client(name="").request().items())).name == "Unnamed computer"


def test_only_the_very_verifier_matches() -> None:
    client = Client()
    assert verifier_matches(client.verifier, client.challenge)
    for wrong in ("", client.challenge, client.verifier[:-1], client.verifier + "x", client.verifier.swapcase()):
        assert not verifier_matches(wrong, client.challenge), wrong


def test_both_sides_show_the_same_code_and_another_request_another() -> None:
    client = Client()
    asked = parse(list(client.request().items()))
    assert asked.code == pairing_code(client.challenge, client.state)
    assert len(asked.code) == 9
    assert not set(asked.code) & set("01OIL")
    others = {pairing_code(one.challenge, one.state) for one in (Client() for _ in range(200))}
    assert len(others) == 200


def test_successors_keep_the_family_and_need_token_and_key() -> None:
    first = new_refresh_token()
    second = successor("key", first)
    assert second == successor("key", first), "asked again it is the same one"
    assert family_hash(first) == family_hash(second) != family_hash(new_refresh_token())
    assert len({first, second, successor("key", second), successor("other key", first)}) == 4
    for wrong in ("", "fprt_", first[:-1], first + "x", "fpat_" + first[5:], first + "\n"):
        assert family_hash(wrong) is None


def test_failures_of_one_address_end_and_are_forgiven_with_time() -> None:
    now = [0.0]
    failures = Failures(lambda: now[0])
    for _ in range(int(AT_ONCE)):
        assert failures.may_try("10.0.0.1")
        failures.failed("10.0.0.1")
    assert not failures.may_try("10.0.0.1")
    assert failures.may_try("10.0.0.2")
    now[0] += 1
    assert failures.may_try("10.0.0.1")


def test_who_has_a_network_of_ipv6_has_one_address() -> None:
    failures = Failures(lambda: 0.0)
    for number in range(int(AT_ONCE)):
        failures.failed(f"2001:db8::{number:x}")
    assert not failures.may_try("2001:db8::ffff:1")
    assert failures.may_try("2001:db8:0:1::1")
