"""Sending mail over real sockets: each thing a mail server can do has an answer of its own.

What an operator would lose: a person marked as unreachable because the sign-in was wrong, a message counted as sent
that was not, one sent twice without need, or a password told to a machine that only pretends to be the mail server.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
import trustme

from backend.mail.message import compose
from backend.mail.outcome import Accepted, NotWanted, Outcome, Refused, Unavailable, Unknown
from backend.mail.sender import Mailer
from backend.mail.server import MailServer as Address
from tests.support.listener import connections_ended
from tests.support.mail_samples import SAM_ADDRESS, mail
from tests.support.mail_server import HOST, MailServer, Mode

FROM = "escalations@northbeam.example"
STEP_S = 10.0
SLOW_STEP_S = 1.0
"""Where a step is to take too long; the steps before it must not, on a busy machine either."""
SLOW: tuple[Mode, ...] = ("tarpit_greeting", "tarpit_rcpt", "slow_354", "slow_reply")


@pytest.fixture
def post() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator has named their authority, as for any other program."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


@pytest.fixture(autouse=True)
async def closed_connections() -> AsyncIterator[None]:
    """Let connections that were dropped mid-way end before the loop does."""
    yield
    await connections_ended()


def mailer(server: MailServer | str, *, step_s: float = STEP_S, whole_s: float = 20.0) -> Mailer:
    url = server if isinstance(server, str) else server.url
    return Mailer(Address.parse(url), FROM, step_s=step_s, whole_s=whole_s)


def with_user(server: MailServer, user_and_password: str, query: str = "") -> str:
    return server.url.replace("://", f"://{user_and_password}@") + query


async def send(server: MailServer | str, message: EmailMessage | None = None, *, step_s: float = STEP_S) -> Outcome:
    outcome = await mailer(server, step_s=step_s).send(message or compose(mail()), SAM_ADDRESS)
    await asyncio.sleep(0)  # a connection that was given up closes in the loop's next turn
    return outcome


async def test_an_accepted_mail_arrives_as_it_was_composed_with_one_recipient(post: MailServer) -> None:
    message = compose(mail())
    assert await send(post, message) == Accepted("250 2.0.0 Ok: queued")
    [one] = post.accepted
    assert (one.sender, one.recipients) == (FROM, (SAM_ADDRESS,))
    assert one.message_id == message["Message-ID"]
    assert one.content == message.as_bytes(policy=message.policy.clone(linesep="\r\n"))


async def test_lines_that_begin_with_a_dot_arrive_whole(post: MailServer) -> None:
    message = EmailMessage()
    message["Subject"] = "dots"
    message.set_content(".\n..\n.hidden\nend\n")
    assert isinstance(await send(post, message), Accepted)
    assert post.accepted[0].content.endswith(b"\r\n\r\n.\r\n..\r\n.hidden\r\nend\r\n")


@pytest.mark.parametrize(
    ("mode", "outcome"),
    [
        ("greylist", Refused(451, "451 4.7.1 Greylisted, try again later", permanent=False)),
        ("refuse_recipient", Refused(550, "550 5.1.1 User unknown in local recipient table", permanent=True)),
        ("refuse_message", Refused(554, "554 5.7.1 Message refused by policy", permanent=True)),
        ("defer_message", Refused(452, "452 4.3.1 Insufficient system storage", permanent=False)),
    ],
)
async def test_a_refusal_is_told_in_the_servers_own_words(post: MailServer, mode: Mode, outcome: Outcome) -> None:
    post.behave(mode)
    assert await send(post) == outcome
    assert not post.received


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("refuse", "refused the connection: see that it runs and that the port is right"),
        ("tarpit_greeting", "did not answer within 1 s at the greeting"),
        ("tarpit_rcpt", "did not answer within 1 s at the recipient"),
        ("slow_354", "did not answer within 1 s at the start of the message"),
        ("cut", f"ended the connection at the sender {FROM}"),
        ("cut_before_354", "ended the connection at the start of the message"),
        ("unavailable", "refused the greeting (421 4.3.2 Closing for maintenance)"),
        ("refuse_sender", f"refused the sender {FROM} (553 5.7.1 Sender address rejected: not owned by user)"),
    ],
)
async def test_an_outage_is_no_word_about_the_recipient(post: MailServer, mode: Mode, told: str) -> None:
    post.behave(mode)
    outcome = await send(post, step_s=SLOW_STEP_S if mode in SLOW else STEP_S)
    assert outcome == Unavailable(f"the mail server {HOST}:{post.port} {told}")
    assert not post.received


@pytest.mark.parametrize(
    ("mode", "what"),
    [
        ("slow_reply", "gave no answer in time"),
        ("cut_after_data", "ended the connection"),
        ("garbage_reply", "gave no understandable answer"),
    ],
)
async def test_a_message_that_left_without_an_answer_is_unknown_and_keeps_its_identifier(
    post: MailServer, mode: Mode, what: str
) -> None:
    message = compose(mail())
    post.behave(mode)
    outcome = await send(post, message, step_s=SLOW_STEP_S if mode in SLOW else STEP_S)
    assert outcome == Unknown(f"the mail server {HOST}:{post.port} {what} after the message; it may have arrived")
    post.behave("ok")
    assert isinstance(await send(post, message), Accepted)
    assert {one.message_id for one in post.received} == {str(message["Message-ID"])}
    assert [one.replied for one in post.received] == [False, True]


async def test_a_greylisted_mail_goes_through_when_it_is_tried_again(post: MailServer) -> None:
    post.behave("greylist", times=2)
    outcomes = [await send(post) for _ in range(3)]
    assert [type(one) for one in outcomes] == [Refused, Refused, Accepted]


async def test_a_server_that_comes_back_is_used_again(post: MailServer) -> None:
    post.behave("refuse")
    assert isinstance(await send(post), Unavailable)
    post.behave("ok")
    assert isinstance(await send(post), Accepted)


async def test_the_whole_takes_no_longer_than_its_limit(post: MailServer) -> None:
    post.behave("tarpit_rcpt")
    started = asyncio.get_running_loop().time()
    outcome = await mailer(post, step_s=30, whole_s=1).send(compose(mail()), SAM_ADDRESS)
    assert outcome == Unavailable(f"the mail server {HOST}:{post.port} took over 1 s, the last step was the recipient")
    post.behave("slow_reply")
    outcome = await mailer(post, step_s=30, whole_s=1).send(compose(mail()), SAM_ADDRESS)
    assert isinstance(outcome, Unknown)
    assert asyncio.get_running_loop().time() - started < 20


# --- is it still wanted ---


async def test_a_mail_that_is_no_longer_wanted_is_not_sent(post: MailServer) -> None:
    asked = asyncio.Event()

    async def no() -> bool:
        asked.set()
        return False

    assert await mailer(post).send(compose(mail()), SAM_ADDRESS, still_wanted=no) == NotWanted()
    assert asked.is_set()
    assert isinstance(await send(post), Accepted), "the server is left as it was found"
    assert len(post.received) == 1


async def test_it_is_asked_for_after_the_recipient_is_taken(post: MailServer) -> None:
    """A claim during a slow conversation must still stop the mail; asking before the connection would be too early."""

    async def never() -> bool:
        raise AssertionError("asked too early")

    post.behave("refuse_recipient")
    assert isinstance(await mailer(post).send(compose(mail()), SAM_ADDRESS, still_wanted=never), Refused)


async def test_what_the_question_raises_goes_to_who_asked_and_nothing_is_sent(post: MailServer) -> None:
    class DatabaseGoneError(OSError):
        pass

    async def raises() -> bool:
        raise DatabaseGoneError

    async def times_out() -> bool:
        raise TimeoutError

    with pytest.raises(DatabaseGoneError):
        await mailer(post).send(compose(mail()), SAM_ADDRESS, still_wanted=raises)
    with pytest.raises(TimeoutError):
        await mailer(post).send(compose(mail()), SAM_ADDRESS, still_wanted=times_out)
    assert not post.received


# --- addresses ---


async def test_an_address_beyond_ascii_is_reached_by_smtputf8(post: MailServer) -> None:
    address = "j\u00fcrgen@m\u00fcller.example"
    message = compose(mail(recipient_address=address, recipient_name="J\u00fcrgen"))
    assert isinstance(await mailer(post).send(message, address), Accepted)
    [one] = post.accepted
    assert one.recipients == ("j\u00fcrgen@xn--mller-kva.example",)
    assert "j\u00fcrgen@xn--mller-kva.example" in str(one.message["To"])


@pytest.mark.parametrize(
    "address",
    ["", "sam", "sam@x.example, eve@x.example", "sam@x.example\r\nRCPT TO:<eve@x.example>", "s@x.example> X=1"],
)
async def test_what_is_no_address_never_reaches_the_server(post: MailServer, address: str) -> None:
    outcome = await mailer(post).send(compose(mail(recipient_address=address)), address)
    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.permanent) == (0, True)
    assert "\n" not in outcome.text
    assert post.connections == 0


# --- encryption and sign-in ---


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("implicit", [False, True])
async def test_a_trusted_server_is_signed_in_to_over_tls(authority: trustme.CA, *, implicit: bool) -> None:
    with MailServer(
        certificate=authority.issue_cert(HOST), implicit=implicit, sign_in=("fp", "p@ss/w\u00f6rd")
    ) as post:
        url = with_user(post, "fp:p%40ss%2Fw%C3%B6rd")
        assert isinstance(await send(url), Accepted)
        assert await mailer(url).probe() == Accepted(f"{HOST}:{post.port}, sends as {FROM}")
        [one] = post.accepted
        assert (one.over_tls, one.user) == (True, "fp")


@pytest.mark.parametrize("implicit", [False, True])
async def test_a_certificate_of_nobody_known_is_refused_before_the_password_is_told(
    authority: trustme.CA, *, implicit: bool
) -> None:
    with MailServer(certificate=authority.issue_cert(HOST), implicit=implicit, sign_in=("fp", "hush")) as post:
        outcome = await send(with_user(post, "fp:hush"))
        assert isinstance(outcome, Unavailable)
        assert "its certificate is not trusted" in outcome.text
        assert "SSL_CERT_FILE" in outcome.text
        assert not post.received


@pytest.mark.usefixtures("trusted")
async def test_a_certificate_for_another_name_is_refused(authority: trustme.CA) -> None:
    with MailServer(certificate=authority.issue_cert("elsewhere.example")) as post:
        outcome = await send(post)
        assert isinstance(outcome, Unavailable)
        assert "its certificate is not trusted" in outcome.text


async def test_where_encryption_is_necessary_and_not_offered_nothing_is_sent(post: MailServer) -> None:
    outcome = await send(f"{post.url}?starttls=always")
    assert isinstance(outcome, Unavailable)
    assert "offers no encryption (STARTTLS), so nothing was sent" in outcome.text
    assert not post.received


async def test_plain_smtp_to_a_tls_port_says_which_way_to_turn(authority: trustme.CA, post: MailServer) -> None:
    outcome = await send(post.url.replace("smtp://", "smtps://"))
    assert isinstance(outcome, Unavailable)
    assert "use smtp:// instead of smtps://" in outcome.text
    with MailServer(certificate=authority.issue_cert(HOST), implicit=True) as secure:
        outcome = await send(f"smtp://{HOST}:{secure.port}", step_s=SLOW_STEP_S)
        assert isinstance(outcome, Unavailable)
        assert "at the greeting" in outcome.text


@pytest.mark.usefixtures("trusted")
async def test_a_refused_sign_in_is_the_operators_to_mend_and_tells_no_password(authority: trustme.CA) -> None:
    with MailServer(certificate=authority.issue_cert(HOST), sign_in=("fp", "right")) as post:
        for outcome in (
            await send(with_user(post, "fp:hush-hush")),
            await mailer(with_user(post, "fp:hush-hush")).probe(),
        ):
            assert isinstance(outcome, Unavailable)
            assert "refused the sign-in of fp (535 " in outcome.text
            assert "check the user and password in FLOWPILOT_SMTP_URL" in outcome.text
            assert "hush" not in outcome.text
        missing = await send(post)
        assert isinstance(missing, Unavailable)
        assert "530 5.7.0 Authentication required" in missing.text
        assert not post.received


async def test_a_server_without_sign_in_says_so(post: MailServer) -> None:
    outcome = await send(with_user(post, "fp:hush"))
    assert isinstance(outcome, Unavailable)
    assert "the sign-in" in outcome.text


# --- nothing to send with ---


async def test_without_a_mail_server_the_operator_is_told_what_to_set() -> None:
    nothing = Unavailable("this server has no mail server: set FLOWPILOT_SMTP_URL")
    assert await Mailer(None, FROM).send(compose(mail()), SAM_ADDRESS) == nothing
    assert await Mailer(None, FROM).probe() == nothing


async def test_without_a_sender_the_operator_is_told_what_to_set(post: MailServer) -> None:
    outcome = await Mailer(Address.parse(post.url), None).send(compose(mail()), SAM_ADDRESS)
    assert outcome == Unavailable("this server has no sender address: set FLOWPILOT_MAIL_FROM")


async def test_a_name_that_does_not_exist_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_such_name(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    outcome = await send("smtp://nowhere.invalid")
    assert outcome == Unavailable(
        "the name of the mail server nowhere.invalid cannot be looked up (DNS): check FLOWPILOT_SMTP_URL"
    )


async def test_many_mails_at_once_each_get_their_own_answer(post: MailServer) -> None:
    post.behave("greylist", times=1)
    people = [f"person{number}@northbeam.example" for number in range(10)]
    send_to = mailer(post, step_s=10).send
    for expected in (Refused, Accepted):
        outcomes = await asyncio.gather(
            *(send_to(compose(mail(recipient_address=person)), person) for person in people)
        )
        assert {type(one) for one in outcomes} == {expected}
    assert sorted(one.recipients[0] for one in post.accepted) == sorted(people)
