"""FLOWPILOT_SMTP_URL: an operator who mistypes it is told what to write, and a password is never repeated anywhere."""

import pytest

from backend.mail.addresses import AddressError, mail_address, sender_address
from backend.mail.server import Encryption, MailServer, MailSettingsError
from backend.settings import SettingsError

SECRET = "hush-hush"


@pytest.mark.parametrize(
    ("url", "host", "port", "user", "password", "encryption"),
    [
        ("smtp://mail.example", "mail.example", 25, None, None, "starttls_if_offered"),
        ("smtp://mail.example/", "mail.example", 25, None, None, "starttls_if_offered"),
        ("smtp://mail.example:2525", "mail.example", 2525, None, None, "starttls_if_offered"),
        ("smtp://mail.example?starttls=always", "mail.example", 25, None, None, "starttls"),
        ("smtp://mail.example?starttls=never", "mail.example", 25, None, None, "none"),
        ("smtp://u:p@mail.example", "mail.example", 587, "u", "p", "starttls"),
        ("smtp://u:p@mail.example?starttls=auto", "mail.example", 587, "u", "p", "starttls"),
        ("smtp://u:p@mail.example?starttls=never", "mail.example", 587, "u", "p", "none"),
        ("smtp://u:p@localhost:1025", "localhost", 1025, "u", "p", "starttls_if_offered"),
        ("smtp://u:p@127.0.0.7", "127.0.0.7", 587, "u", "p", "starttls_if_offered"),
        ("smtp://u:p@[::1]:25", "::1", 25, "u", "p", "starttls_if_offered"),
        ("smtp://u:p@127.0.0.1.evil.example", "127.0.0.1.evil.example", 587, "u", "p", "starttls"),
        ("smtps://mail.example", "mail.example", 465, None, None, "tls"),
        ("smtps://u:p@mail.example:4650", "mail.example", 4650, "u", "p", "tls"),
        (
            "smtp://me%40x.example:a%2Fb%3A%23%20c%25@mail.example",
            "mail.example",
            587,
            "me@x.example",
            "a/b:# c%",
            "starttls",
        ),
        ("smtp://j%C3%BCrgen:p%C3%A4ss@mail.example", "mail.example", 587, "jürgen", "päss", "starttls"),
        ("SMTP://Mail.Example", "mail.example", 25, None, None, "starttls_if_offered"),
        ("smtp://m\u00fcller.example", "xn--mller-kva.example", 25, None, None, "starttls_if_offered"),
    ],
)
def test_every_way_to_name_a_mail_server_is_understood(
    url: str, host: str, port: int, user: str | None, password: str | None, encryption: Encryption
) -> None:
    server = MailServer.parse(url)
    assert server == MailServer(host=host, port=port, user=user, password=password, encryption=encryption)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mail.example", "begin with smtp://"),
        ("http://mail.example", "begin with smtp://"),
        ("smtp://", "names no host"),
        ("smtp://:25", "names no host"),
        ("smtp://mail.example:0", "1 to 65535"),
        ("smtp://mail.example:70000", "1 to 65535"),
        ("smtp://mail.example:smtp", "1 to 65535"),
        (f"smtp://me:{SECRET}/x@mail.example", "%2F"),
        (f"smtp://me:{SECRET}#x@mail.example", "%23"),
        (f"smtp://me:{SECRET}?x@mail.example", "%3F"),
        (f"smtp://me:{SECRET}%FF@mail.example", "percent-encoded UTF-8"),
        (f"smtp://me:{SECRET}%00@mail.example", "NUL"),
        (f"smtp://me:{SECRET} x@mail.example", "%20"),
        (f"smtp://me:{SECRET}@mail.exa\nmple", "control character"),
        (f"smtp://me:{SECRET}@mail\u2028.example", "control character"),
        ("smtp://me@mail.example", "without a password"),
        (f"smtp://:{SECRET}@mail.example", "without a user name"),
        ("smtp://mail.example/inbox", "after the host"),
        ("smtp://mail.example?starttls=maybe", "one of auto, always, never"),
        ("smtp://mail.example?starttls=always&starttls=never", "once"),
        ("smtp://mail.example?tls=1", "only starttls= is known"),
        ("smtp://mail.example?starttls", "one of auto, always, never"),
        ("smtps://mail.example?starttls=never", "encrypted from the start"),
        ("smtp://[::1", "must be smtp://"),
    ],
)
def test_a_mail_server_that_cannot_be_meant_is_refused_in_one_plain_sentence(url: str, told: str) -> None:
    with pytest.raises(MailSettingsError) as refusal:
        MailServer.parse(url)
    text = str(refusal.value)
    assert told in text
    assert text.startswith("FLOWPILOT_SMTP_URL")
    assert "\n" not in text
    assert SECRET not in text
    assert isinstance(refusal.value, SettingsError), "start-up tells it like any other setting"


def test_the_password_does_not_show_where_the_server_is_printed() -> None:
    server = MailServer.parse(f"smtp://me:{SECRET}@mail.example")
    assert SECRET not in f"{server!r} {server} {server.where}"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("sam@northbeam.example", "sam@northbeam.example"),
        ("Sam.O'Hara+alerts@Northbeam.Example", "Sam.O'Hara+alerts@northbeam.example"),
        ("sam@m\u00fcller.example", "sam@xn--mller-kva.example"),
        ("j\u00fcrgen@northbeam.example", "j\u00fcrgen@northbeam.example"),
        ("root@localhost", "root@localhost"),
    ],
)
def test_an_address_goes_onto_the_wire_with_its_domain_in_ascii(text: str, address: str) -> None:
    assert mail_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sam",
        "@x.example",
        "sam@",
        "sam@x..example",
        "sam@.example",
        "sam@x.example, eve@x.example",
        "sam@x.example;eve@x.example",
        "Sam <sam@x.example>",
        "<sam@x.example>",
        '"sam eve"@x.example',
        "sam@x.example\r\nRCPT TO:<eve@x.example>",
        "sam@x.example\n",
        "sam\u2028@x.example",
        "sam\u200b@x.example",
        "sam\x00@x.example",
        "sam\x85@x.example",
        "sam@x.example> SIZE=1",
        "sam@eve@x.example",
        "sam@-x.example",
        "sam@x_y.example",
        "sam@[127.0.0.1]",
        "sam\udc80@x.example",
        "a" * 65 + "@x.example",
        "sam@" + "a." * 130 + "example",
    ],
)
def test_what_is_not_exactly_one_address_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        mail_address(text)


def test_the_sender_may_be_written_with_a_name() -> None:
    assert sender_address("FlowPilot <escalations@northbeam.example>") == "escalations@northbeam.example"


@pytest.mark.parametrize("text", ["nowhere", "a@b.example, c@d.example", "a@b.example\r\nBcc: c@d.example"])
def test_a_sender_that_is_not_one_address_names_the_setting(text: str) -> None:
    with pytest.raises(MailSettingsError, match="FLOWPILOT_MAIL_FROM must be one mail address"):
        sender_address(text)
