"""The mail about a hand-off: what a senior reads on the phone, and what a customer's words must never do to it."""

import email
import email.policy
import re
from datetime import timedelta
from email.header import decode_header, make_header
from email.headerregistry import AddressHeader
from email.message import EmailMessage
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.contract.people import Person
from backend.contract.sessions import TicketRef
from backend.mail.handoff_mail import HandoffMail, Purpose, RefusedMail, message_id_for
from backend.mail.message import compose
from backend.mail.sender import wire_form
from backend.mail.server import MailSettingsError
from backend.mail.subjects import subject
from backend.mail.text import flat, lines, one_line, shorten, unlinked
from tests.support.mail_samples import (
    AT,
    DANA,
    DOMAIN,
    MINA,
    SAM_ADDRESS,
    claimed,
    ended,
    handoff,
    mail,
    step,
)

HEADERS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "MIME-Version",
    "Content-Type",
]


def arrived(message: EmailMessage, *, utf8: bool = False) -> EmailMessage:
    """The message as a mail client reads it off the wire."""
    parsed = email.message_from_bytes(wire_form(message, utf8=utf8), policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def body(message: EmailMessage, kind: str) -> str:
    """One of its two parts, with line ends as \\n."""
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def seen(text: str) -> str:
    """The text without the invisible breaks."""
    return text.replace("\u200b", "")


class Html(HTMLParser):
    """What a mail client makes of the HTML: tags, links, visible text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str | None] = []
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self._style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._style = tag == "style"
        self.attributes |= {name for name, _ in attrs}
        self.links += [value for name, value in attrs if name in {"href", "src", "background"}]

    def handle_endtag(self, tag: str) -> None:
        self._style = self._style and tag != "style"

    def handle_data(self, data: str) -> None:
        if not self._style:
            self.words.append(data)

    @property
    def text(self) -> str:
        """As read aloud, on one line."""
        return seen(re.sub(r"\s+", " ", " ".join(self.words)))


def read_html(message: EmailMessage) -> Html:
    return Html(body(message, "html"))


def in_order(text: str, *parts: str) -> bool:
    """True when all parts stand in the text in this order."""
    places = [text.find(part) for part in parts]
    assert -1 not in places, [part for part, place in zip(parts, places, strict=True) if place < 0]
    return places == sorted(places)


# --- what it says ---


def test_both_parts_tell_the_hand_off_in_the_order_of_the_design() -> None:
    message = arrived(compose(mail()))
    order = (
        "Northbeam IT",
        "High priority",
        "VPN to Leeds clinic drops every hour",
        "Harlow Dental Group, from Mina Okafor",
        "Escalated Fri 20 Nov at 10:42, unclaimed when this was sent. Ticket 20418",
        "Open the hand-off to pick it up",
        "Opening this link does not claim it. You press Pick up on the page.",
        "What Mina needs",
        "Someone with head office firewall access",
        "Effect on the customer",
        "22 staff at the Leeds clinic",
        "AI assessment, high confidence (82\u00a0%)",
        "Phase 2 key lifetime differs",
        "Next: compare the phase 2 lifetime",
        "Steps tried",
        "Restarted the tunnel from the clinic side",
        "Compare phase 2 settings at head office: no access",
        "You get this because your desktop app was offline at 10:42.",
        "Also told: Dana Reyes and Lee Park, on their desktops.",
        "Change when you are e-mailed",
    )
    spaced = (part.replace("\u00a0", " ") for part in order)
    html = read_html(message).text
    assert in_order(html[html.index("Northbeam IT") :], *spaced)
    assert in_order(seen(body(message, "plain")), *order)


def test_the_preheader_is_the_need() -> None:
    words = read_html(arrived(compose(mail()))).text
    assert in_order(words, "Someone with head office firewall access", "FlowPilot Escalations", "High priority")


def test_only_our_own_two_links_are_in_it_and_nothing_is_fetched() -> None:
    page = read_html(arrived(compose(mail())))
    assert page.links == [
        "https://flowpilot.example/escalations?h=h-1045",
        "https://flowpilot.example/settings/notifications",
    ]
    assert not page.tags & {"img", "script", "link", "iframe", "form", "input", "button", "video"}
    assert "url(" not in body(compose(mail()), "html")
    assert "@import" not in body(compose(mail()), "html")


def test_title_only_gives_nothing_away_below_the_button() -> None:
    message = arrived(compose(mail(content="title_only")))
    for text in (read_html(message).text, seen(body(message, "plain"))):
        assert in_order(text, "VPN to Leeds clinic", "Open the hand-off to pick it up", "does not claim it")
        for hidden in ("firewall", "22 staff", "assessment", "Steps", "tunnel", "You get this", "Dana", "e-mailed"):
            assert hidden not in text


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (mail(), "[High] VPN to Leeds clinic drops every hour (Harlow Dental Group)"),
        (mail(handoff(priority="urgent", customer=None)), "[Urgent] VPN to Leeds clinic drops every hour"),
        (
            mail(purpose="reminder"),
            "Still waiting 9 min: VPN to Leeds clinic drops every hour (Harlow Dental Group)",
        ),
        (
            mail(claimed(), purpose="closed"),
            "Claimed by Dana Reyes: VPN to Leeds clinic drops every hour (Harlow Dental Group)",
        ),
        (
            mail(ended("withdrawn", "withdrawn", MINA), purpose="closed"),
            "Withdrawn by Mina Okafor: VPN to Leeds clinic drops every hour (Harlow Dental Group)",
        ),
        (
            mail(ended("resolved", "resolved", DANA), purpose="closed"),
            "Resolved: VPN to Leeds clinic drops every hour (Harlow Dental Group)",
        ),
        (
            mail(ended("released", "pending", DANA)),
            "[High] Handed back by Dana Reyes: VPN to Leeds clinic drops every hour (Harlow Dental Group)",
        ),
        (
            mail(ended("released", "pending", None)),
            "[High] Handed back: VPN to Leeds clinic drops every hour (Harlow Dental Group)",
        ),
        (
            mail(purpose="nobody"),
            "Nobody has claimed yet: VPN to Leeds clinic drops every hour (Harlow Dental Group)",
        ),
        (
            mail(claimed(), purpose="nudge"),
            "Still waiting for your first step: VPN to Leeds clinic drops every hour (Harlow Dental Group)",
        ),
        (
            mail(purpose="notice", refused=RefusedMail(name="Sam Whitlock", address=SAM_ADDRESS, words="550 no")),
            "E-mail to Sam Whitlock was refused: VPN to Leeds clinic drops every hour (Harlow Dental Group)",
        ),
    ],
)
def test_the_subject_says_what_happened_first(made: HandoffMail, expected: str) -> None:
    assert arrived(compose(made))["Subject"] == expected


@pytest.mark.parametrize(
    ("made", "told", "hidden"),
    [
        (mail(purpose="reminder"), "waiting 9 min, unclaimed when this was sent.", "Nobody"),
        (mail(claimed(), purpose="closed"), "Claimed by Dana Reyes Fri 20 Nov at 10:44.", "firewall"),
        (mail(ended("withdrawn", "withdrawn", MINA), purpose="closed"), "Withdrawn by Mina Okafor.", "firewall"),
        (mail(ended("resolved", "resolved", DANA), purpose="closed"), "Resolved Fri 20 Nov at 10:54.", "firewall"),
        (mail(ended("released", "pending", DANA)), "handed back Fri 20 Nov at 10:54, unclaimed when", "Claimed by"),
        (mail(purpose="nobody"), "waiting 9 min. Nobody has claimed it yet.", "Pick up on the page"),
        (mail(claimed(), purpose="nudge"), "It goes back to the queue Fri 20 Nov at 11:14.", "does not claim"),
    ],
)
def test_each_kind_says_how_things_stand(made: HandoffMail, told: str, hidden: str) -> None:
    message = arrived(compose(made))
    for text in (read_html(message).text, seen(body(message, "plain"))):
        assert told in text
        assert hidden not in text


def test_a_notice_repeats_the_mail_servers_own_words() -> None:
    refused = RefusedMail(name="Sam Whitlock", address=SAM_ADDRESS, words="550 5.1.1 <sam>: User unknown")
    message = arrived(compose(mail(purpose="notice", refused=refused)))
    for text in (read_html(message).text, seen(body(message, "plain"))):
        assert in_order(text, "refused Sam Whitlock, sam.whitlock@northbeam.example", "550 5.1.1 <sam>: User unknown")


def test_without_a_need_the_reason_stands_in_its_place() -> None:
    text = read_html(compose(mail(handoff(need=None, impact=None, assessment=None, steps=[])))).text
    assert in_order(text[text.index("Why") :], "Why Mina escalated", "I have no access to the head office firewall.")
    for absent in ("needs", "Effect on the customer", "AI assessment", "Steps tried"):
        assert absent not in text


def test_many_steps_are_cut_to_the_latest_and_say_so() -> None:
    made = mail(handoff(steps=[step(f"Step {number}.") for number in range(40)]))
    for text in (read_html(compose(made)).text, body(compose(made), "plain")):
        assert "Step 27." not in text
        assert in_order(text, "Step 28.", "Step 39.", "28 earlier steps")


def test_times_are_on_the_accounts_clock_with_the_year_where_it_is_another() -> None:
    text = body(compose(mail(timezone="Asia/Kathmandu")), "plain")
    assert "Escalated Fri 20 Nov at 16:27" in text
    assert "Escalated Fri 20 Nov 2026 at 10:42" in body(compose(mail(sent_at=AT + timedelta(days=60))), "plain")


def test_nothing_in_it_shouts() -> None:
    purposes: tuple[Purpose, ...] = ("alert", "reminder", "nudge", "closed", "nobody", "notice")
    refused = RefusedMail(name="Sam Whitlock", address=SAM_ADDRESS, words="550 no")
    for purpose in purposes:
        message = arrived(compose(mail(claimed(), purpose=purpose, refused=refused)))
        assert "!" not in read_html(message).text + body(message, "plain") + message["Subject"]


# --- its headers ---


def test_the_headers_are_these_and_no_others() -> None:
    message = arrived(compose(mail()))
    assert list(message) == HEADERS
    assert message["From"] == "FlowPilot Escalations <escalations@northbeam.example>"
    assert message["To"] == "Sam Whitlock <sam.whitlock@northbeam.example>"
    assert message["Date"] == "Fri, 20 Nov 2026 10:42:15 +0000"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


def test_a_reminder_joins_the_thread_of_the_first_mail() -> None:
    first, own = message_id_for(DOMAIN, "h", "alert", 0, "u"), message_id_for(DOMAIN, "h", "alert", 1, "u")
    message = arrived(compose(mail(purpose="reminder", message_id=own, in_reply_to=first, references=(first,))))
    assert (message["Message-ID"], message["In-Reply-To"], message["References"]) == (own, first, first)


def test_identifiers_survive_a_long_domain_and_a_long_thread() -> None:
    domain = ".".join(["escalations-of-a-managed-service-provider"] * 3)
    ids = tuple(message_id_for(domain, "h", "alert", rung, "u") for rung in range(9))
    made = mail(message_id=ids[0], in_reply_to=ids[1], references=ids)
    wire = wire_form(compose(made))
    assert b"=?" not in wire.split(b"\r\n\r\n")[0]
    message = arrived(compose(made))
    assert (message["Message-ID"], message["In-Reply-To"]) == ids[:2]
    assert tuple(message["References"].split()) == ids


def test_a_mail_that_is_sent_again_keeps_its_identifier_and_no_other_shares_it() -> None:
    made = [
        message_id_for(DOMAIN, handoff_id, purpose, rung, user)
        for handoff_id in ("h1", "h2")
        for purpose in ("alert", "closed")
        for rung in (0, 1, 11)
        for user in ("u1", "1u1")
    ]
    assert len(set(made)) == len(made)
    assert made[0] == message_id_for(DOMAIN, "h1", "alert", 0, "u1")
    assert re.fullmatch(r"<[0-9a-f]{40}@northbeam\.example>", made[0])


def test_a_sender_that_is_no_address_is_the_operators_to_mend() -> None:
    with pytest.raises(MailSettingsError):
        compose(mail(mail_from="nowhere"))


def test_a_name_beyond_ascii_and_one_with_a_comma_stay_one_recipient() -> None:
    for name in (
        "Whitlock, Sam",
        "Jürgen Müller-Lüdenscheidt, Dr.",
        'Sam "the fix" Whitlock',
        "ليلى الحداد",
        "a" * 200,
    ):
        to = arrived(compose(mail(recipient_name=name)))["To"]
        assert isinstance(to, AddressHeader)
        assert [one.addr_spec for one in to.addresses] == [SAM_ADDRESS]
        raw = email.message_from_bytes(wire_form(compose(mail(recipient_name=name))))["To"]
        shown = str(make_header(decode_header(raw))).rsplit("<", 1)[0].strip().strip('"').replace("\\", "")
        assert one_line(name, longest=80) == shown


def test_an_address_beyond_ascii_is_written_where_the_server_takes_it() -> None:
    made = compose(mail(recipient_address="j\u00fcrgen@m\u00fcller.example"))
    assert "j\u00fcrgen@xn--mller-kva.example".encode() in wire_form(made, utf8=True)


# --- what customers write ---


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
