"""An app that signs in through the browser, as the server sees one: code verifier, request, tokens."""

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.support.people import Member
from tests.support.server import Server
from tests.support.web import Forms

REDIRECT = "http://127.0.0.1:49152/callback"


@dataclass(slots=True)
class Client:
    """One sign-in of one computer."""

    name: str = "DANA-LT-04"
    redirect_uri: str = REDIRECT
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    state: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    @property
    def challenge(self) -> str:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def request(self, **changed: str) -> dict[str, str]:
        """The parameters of the authorization request; an empty value leaves one out."""
        parameters = {
            "response_type": "code",
            "client_id": "flowpilot-tray",
            "redirect_uri": self.redirect_uri,
            "state": self.state,
            "code_challenge": self.challenge,
            "code_challenge_method": "S256",
            "device_name": self.name,
            "device_system": "Windows 11",
            "device_version": "1.0.0",
        }
        return {key: value for key, value in (parameters | changed).items() if value}

    def redemption(self, code: str, /, **changed: str) -> dict[str, str]:
        """The form that turns the code into tokens."""
        form = {
            "grant_type": "authorization_code",
            "client_id": "flowpilot-tray",
            "code": code,
            "code_verifier": self.verifier,
            "redirect_uri": self.redirect_uri,
        }
        return {key: value for key, value in (form | changed).items() if value}


def answered(response: httpx.Response) -> dict[str, str]:
    """What the browser is told to take to the app."""
    assert response.status_code == 303, response.text
    return {key: values[0] for key, values in parse_qs(urlsplit(response.headers["location"]).query).items()}


async def approved(browser: Forms, client: Client) -> str:
    """The person says yes in a browser that is signed in; answers the code."""
    page = await browser.http.get("/oauth/authorize", params=client.request())
    browser._kept(page)
    assert page.status_code == 200, page.text
    answer = await browser.post("/oauth/authorize", **hidden(page.text), decision="approve")
    assert answer.headers["location"].startswith(client.redirect_uri)
    found = answered(answer)
    assert found["state"] == client.state
    return found["code"]


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of the consent form, as a browser would send them."""
    return {name: unescape(value) for name, value in re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page)}


def refreshing(token: str) -> dict[str, str]:
    """The form that asks for the next tokens."""
    return {"grant_type": "refresh_token", "client_id": "flowpilot-tray", "refresh_token": token}


async def paired(server: Server, who: Member, http: httpx.AsyncClient, client: Client | None = None) -> dict[str, Any]:
    """A device of this person, from the sign-in page to the tokens."""
    one = client or Client()
    async with Forms(server) as browser:
        await browser.sign_in(who)
        code = await approved(browser, one)
    answer = await http.post("/oauth/token", data=one.redemption(code))
    assert answer.status_code == 200, answer.text
    tokens: dict[str, Any] = answer.json()
    return tokens
