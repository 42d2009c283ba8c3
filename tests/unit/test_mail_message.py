"""The mail about a hand-off: what a senior reads on the phone, and what a customer's words must never do to it."""

import email
import email.policy
from datetime import timedelta
from email.header import decode_header, make_header
from email.headerregistry import AddressHeader

import pytest

from backend.mail.handoff_mail import HandoffMail, Purpose, RefusedMail
from backend.mail.message import compose
from backend.mail.sender import wire_form
from backend.mail.server import MailSettingsError
from backend.mail.text import one_line
from tests.support.mail_reader import arrived, body, in_order, read_html, seen
from tests.support.mail_samples import (
    AT,
    DANA,
    HEADERS,
    MINA,
    SAM_ADDRESS,
    claimed,
    ended,
    handoff,
    mail,
    message_id,
    step,
)

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


def test_who_may_not_change_the_e_mail_settings_is_not_sent_to_them() -> None:
    message = arrived(compose(mail(settings_link=None)))
    assert read_html(message).links == ["https://flowpilot.example/escalations?h=h-1045"]
    for text in (read_html(message).text, seen(body(message, "plain"))):
        assert "You get this because" in text
        assert "Change when" not in text
        assert "None" not in text


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
    first, own = message_id(0), message_id(1)
    message = arrived(compose(mail(purpose="reminder", message_id=own, in_reply_to=first, references=(first,))))
    assert (message["Message-ID"], message["In-Reply-To"], message["References"]) == (own, first, first)


def test_identifiers_survive_a_long_domain_and_a_long_thread() -> None:
    domain = ".".join(["escalations-of-a-managed-service-provider"] * 3)
    ids = tuple(message_id(rung, domain) for rung in range(9))
    made = mail(message_id=ids[0], in_reply_to=ids[1], references=ids)
    wire = wire_form(compose(made))
    assert b"=?" not in wire.split(b"\r\n\r\n")[0]
    message = arrived(compose(made))
    assert (message["Message-ID"], message["In-Reply-To"]) == ids[:2]
    assert tuple(message["References"].split()) == ids


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
