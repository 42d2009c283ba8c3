"""What customers write ends up in mail; none of it may become a header, a recipient, a link or a tag."""

import email
import re
from email.header import decode_header, make_header
from email.headerregistry import AddressHeader

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.contract.people import Person
from backend.contract.sessions import TicketRef
from backend.mail.handoff_mail import Purpose, RefusedMail
from backend.mail.message import compose
from backend.mail.sender import wire_form
from backend.mail.subjects import subject
from backend.mail.text import flat, lines, one_line, shorten, unlinked
from tests.support.mail_reader import arrived, body, read_html
from tests.support.mail_samples import AT, DOMAIN, HEADERS, SAM_ADDRESS, handoff, mail, step


def test_markup_and_addresses_in_customers_words_stay_words() -> None:
    nasty = (
        '<b>bold</b> <img src=x onerror=1> "x" https://evil.example/reset help@evil.example www.evil.example {{7*7}}'
    )
    made = handoff(
        title=nasty,
        customer=nasty,
        need=nasty,
        impact=nasty,
        steps=[step(nasty)],
        handed_off_by=Person(id="x", name=nasty),
    )
    message = compose(mail(made, account_name=nasty, also_told=nasty))
    page = read_html(message)
    assert len(page.links) == 2
    assert "img" not in page.tags
    assert "onerror" not in page.attributes
    assert nasty in page.text
    for text in (body(message, "html"), body(message, "plain")):
        for linked in ("https://evil", "help@evil", "evil.example", "www.evil"):
            assert linked not in text


@pytest.mark.parametrize("text", ["10.0.0.1", "3.5 h", "7.2.8", "Mr. Smith", "a.", "12:30"])
def test_what_is_no_link_can_be_copied_whole(text: str) -> None:
    assert unlinked(text) == text


def test_a_customers_lines_stay_lines() -> None:
    made = mail(handoff(need="One\r\nTwo\u2028Three\x0bFour\n\n\nFive\n"))
    assert lines(made.handoff.escalation_package.need or "") == ["One", "Two", "Three", "Four", "", "Five"]
    assert "  One\n  Two\n  Three\n  Four\n  \n  Five\n" in body(compose(made), "plain")
    assert "One<br>Two<br>Three<br>Four<br><br>Five" in body(compose(made), "html")


def test_text_that_is_never_closed_does_not_turn_the_rest_around() -> None:
    html = body(compose(mail(handoff(title="invoice\u202egpj.exe\u2066", customer="\u202bx"))), "html")
    assert not re.search("[\u202a-\u202e\u2066]", html)


def test_a_very_long_subject_is_cut_between_words_and_keeps_the_customer() -> None:
    line = str(arrived(compose(mail(handoff(title="word " * 100, customer="C" * 200))))["Subject"])
    assert line.startswith("[High] word word")
    assert "word\u2026 (CCC" in line
    assert line.endswith("C\u2026)")
    assert len(line) <= 190


@given(st.text(), st.integers(2, 60))
def test_a_cut_is_never_longer_than_allowed(text: str, longest: int) -> None:
    assert len(shorten(text, longest)) <= longest


BREAKS = "\r\n\x00\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
ATTACKS = (
    "\r\nBcc: eve@evil.example",
    "\nTo: eve@evil.example\n\n<script>",
    "=?utf-8?q?=0d=0aBcc:_eve@evil.example?=",
    "=?utf-8?b?DQpCY2M6IGV2ZUBldmlsLmV4YW1wbGU=?=",
    "\r\n.\r\nMAIL FROM:<eve@evil.example>\r\n",
    ", eve@evil.example",
    "> eve@evil.example <",
    '" <eve@evil.example>, "',
    "</title><img src=x>",
    "\u2028Bcc: eve@evil.example\u2029",
    "{{ 7 * 7 }}{% for x in y %}",
)
PIECE = st.one_of(
    st.text(max_size=30), st.text(alphabet=BREAKS + ' =?"<>,@\u00fc\ud800', max_size=12), st.sampled_from(ATTACKS)
)
WORDS = st.lists(PIECE, min_size=1, max_size=6).map("".join)


@given(
    st.fixed_dictionaries(
        dict.fromkeys(("title", "customer", "need", "impact", "by", "account", "to", "waited", "who", "ticket"), WORDS)
    ),
    st.sampled_from(["alert", "reminder", "nobody", "closed", "nudge", "notice"]),
)
def test_nothing_that_is_written_anywhere_becomes_a_header_a_recipient_or_a_tag(
    said: dict[str, str], purpose: Purpose
) -> None:
    taken = purpose in {"closed", "nudge"}
    made = handoff(
        status="claimed" if taken else "pending",
        claimed_by=Person(id="y", name=said["who"]) if taken else None,
        claimed_at=AT if taken else None,
        title=said["title"],
        customer=said["customer"],
        need=said["need"],
        impact=said["impact"],
        handed_off_by=Person(id="x", name=said["by"]),
        ticket=TicketRef(system="x", id=said["ticket"]),
        steps=[step(said["need"], detail=said["impact"])],
    )
    refused = RefusedMail(name=said["who"], address=said["to"], words=said["waited"])
    composed = mail(
        made,
        purpose=purpose,
        account_name=said["account"],
        recipient_name=said["to"],
        waited=said["waited"],
        refused=refused,
    )
    message = compose(composed)
    wire = wire_form(message)
    head = wire.split(b"\r\n\r\n", 1)[0]
    assert wire.isascii()
    assert b"\r" not in wire.replace(b"\r\n", b"")
    assert b"\n" not in wire.replace(b"\r\n", b"")
    assert b"\x00" not in wire
    assert max(len(line) for line in wire.split(b"\r\n")) <= 998
    assert [line.split(b":")[0].decode() for line in head.split(b"\r\n") if not line.startswith(b" ")] == HEADERS
    read = arrived(message)
    for header, address in (("To", SAM_ADDRESS), ("From", f"escalations@{DOMAIN}")):
        value = read[header]
        assert isinstance(value, AddressHeader)
        assert [one.addr_spec for one in value.addresses] == [address]
    assert str(read["Subject"]) == flat(subject(composed))
    assert not set(BREAKS) & set(str(read["Subject"]) + str(read["To"]))
    page = read_html(read)
    assert len(page.links) <= 2
    assert page.tags <= {
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "div",
        "table",
        "tr",
        "td",
        "b",
        "span",
        "h1",
        "h2",
        "p",
        "br",
        "a",
    }


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_subject_and_a_name_read_as_they_were_written(attack: str) -> None:
    """In a reader that decodes: an encoded word of a customer's must not be taken for one of ours."""
    made = mail(handoff(title=attack, customer=None), recipient_name=attack)
    headers = email.message_from_bytes(wire_form(compose(made)))
    assert str(make_header(decode_header(headers["Subject"]))) == f"[High] {one_line(attack)}"
    shown = str(make_header(decode_header(headers["To"])))
    assert shown.replace("\\", "").replace('"', "") == f"{one_line(attack)} <{SAM_ADDRESS}>".replace('"', "")


@given(WORDS)
def test_a_recipient_is_exactly_the_given_address_or_nobody(address: str) -> None:
    to = arrived(compose(mail(recipient_address=address)), utf8=True)["To"]
    assert isinstance(to, AddressHeader)
    assert [one.addr_spec for one in to.addresses] in ([], [address])
