"""What mails say, and how they leave: by a real mail server, or as files."""

from __future__ import annotations

import asyncio
import email
import re
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default as policy
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from db import mails
from db.config import DatabaseConfig
from db.mails import Body
from db.rows import Pool
from portal.config import Config
from portal.mails import links, send
from portal.mails.compose import KINDS, compose, operator_of
from portal.mails.send import MOST_TRIES, Post, Server, again_after

VALUES: dict[str, Any] = {
    "link": "https://charge.example.org/x?token=abc&next=%2F",
    "valid_for": "15 minutes",
    "number": 7,
    "charger": "Harbour <north> & co",
    "site": "Harbour",
    "started": "20 Nov 2026, 18:42",
    "ended": "20 Nov 2026, 20:26",
    "energy": "18.21 kWh",
    "took": "1 h 44 min",
    "cost": "€8.19",
    "figure": "Cost",
    "expected": "About <b>four</b>,\nnot eight.",
    "answer": "You are right.\n\nThe meter had stopped.",
    "credit": "€3.20",
    "statement": "November 2026",
}


def said(kind: str, config: Config, **other: Any) -> Body:
    values = {name: (VALUES | other)[name] for name in KINDS[kind].values}
    return compose(kind, operator=operator_of(config), **values)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(
        database=DatabaseConfig(data_dir=tmp_path / "data"),
        operator_name="Nörthside, Charging",
        operator_email="help@northside.example",
        public_url="https://charge.example.org",
    )


@dataclass
class MailServer:
    """Keeps what it gets; `answers` are what it says next instead of taking it."""

    port: int = 0
    got: list[Envelope] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    at_recipient: list[str] = field(default_factory=list)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.at_recipient:
            return self.at_recipient.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.answers:
            return self.answers.pop(0)
        self.got.append(envelope)
        return "250 OK"

    @property
    def messages(self) -> list[EmailMessage]:
        found = []
        for one in self.got:
            assert isinstance(one.content, bytes)
            message = email.message_from_bytes(one.content, policy=policy)
            assert isinstance(message, EmailMessage)
            found.append(message)
        return found


@contextmanager
def listening(**how: Any) -> Iterator[MailServer]:
    server = MailServer()
    controller = Controller(server, hostname="127.0.0.1", port=0, **how)
    controller.port = _free_port()
    controller.start()
    server.port = controller.port
    try:
        yield server
    finally:
        controller.stop()


def _free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


@pytest.fixture
async def mail_server() -> AsyncIterator[MailServer]:
    with listening() as server:
        yield server


def post(pool: Pool, config: Config, port: int, **url: str) -> Post:
    return Post(replace(config, smtp_url=f"smtp://{url.get('who', '')}127.0.0.1:{port}"), pool)


async def write(pool: Pool, config: Config, kind: str = "session_summary", **more: Any) -> int:
    async with pool.acquire() as conn:
        await mails.add(
            conn, kind, **({"recipient": "ada@example.org", "body": said(kind, config)} | more)
        )
    number: int = await pool.fetchval("select max(id) from mail")
    return number


async def row(pool: Pool, number: int) -> Any:
    return await pool.fetchrow("select *, next_at - now() as wait from mail where id = $1", number)


async def come_due(pool: Pool) -> None:
    await pool.execute("update mail set next_at = now()")


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_of_mail_says_the_same_as_text_and_as_html(kind: str, config: Config) -> None:
    body = said(kind, config)

    assert 0 < len(body.subject) <= 50
    assert "\n" not in body.subject
    for name in KINDS[kind].values - {"expected", "answer"}:
        assert str(VALUES[name]) in body.text, name
    assert VALUES["link"] in body.text
    assert 'href="https://charge.example.org/x?token=abc&amp;next=%2F"' in body.html
    assert "help@northside.example" in body.text
    assert "help@northside.example" in body.html
    assert "prefers-color-scheme: dark" in body.html
    assert "<b>four" not in body.html
    assert "<north>" not in body.html
    preheader = re.search(r'overflow:hidden">(.*?)</div>', body.html)
    assert preheader
    assert 40 <= len(preheader[1]) <= 110


def test_a_mail_with_a_value_too_few_or_too_many_is_a_mistake(config: Config) -> None:
    with pytest.raises(TypeError, match="valid_for"):
        compose("sign_in_link", operator=operator_of(config), link="x")
    with pytest.raises(TypeError, match="more"):
        compose("sign_in_link", operator=operator_of(config), link="x", valid_for="y", more=1)
    with pytest.raises(KeyError):
        compose("welcome", operator=operator_of(config))


def test_a_long_subject_ends_at_a_word_and_is_one_line(config: Config) -> None:
    body = said("session_summary", config, charger="The charger\nbehind the old harbour office")

    assert body.subject == "You charged 18.21 kWh at The charger behind the …"


def test_without_a_credit_none_is_promised(config: Config) -> None:
    body = said("dispute_answered", config, credit=None, statement=None)

    assert "Credit" not in body.text + body.html


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"public_url": "https://charge.example.org"}, "https://charge.example.org/x"),
        ({"public_url": None, "host": "0.0.0.0"}, "http://127.0.0.1:8080/x"),
        ({"public_url": None, "host": "::1", "port": 81}, "http://[::1]:81/x"),
    ],
)
def test_links_in_mails_are_made_of_the_settings(
    config: Config, settings: dict[str, Any], expected: str
) -> None:
    assert links.absolute(replace(config, **settings), "/x") == expected


async def test_a_mail_arrives_with_what_it_needs(
    pool: Pool, config: Config, mail_server: MailServer
) -> None:
    number = await write(pool, config)

    await post(pool, config, mail_server.port).send_due()

    (message,) = mail_server.messages
    assert message["From"] == '"Nörthside, Charging" <help@northside.example>'
    assert message["To"] == "ada@example.org"
    assert message["Subject"].startswith("You charged 18.21 kWh")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@charge.example.org>")
    created_at = (await row(pool, number))["created_at"]
    assert message["Date"].datetime == created_at.replace(microsecond=0)
    text, html = (part.get_content() for part in message.iter_parts())
    assert "Cost     €8.19" in text
    assert "€8.19</td>" in html
    kept = await row(pool, number)
    assert (kept["tries"], kept["error"], kept["died_at"]) == (1, None, None)
    assert kept["sent_at"] is not None

    await come_due(pool)
    await post(pool, config, mail_server.port).send_due()
    assert len(mail_server.got) == 1


@pytest.mark.parametrize("kind", ["sign_in_link", "invitation", "password_link"])
async def test_what_a_link_mail_said_is_not_kept_once_it_is_sent(
    pool: Pool, config: Config, mail_server: MailServer, kind: str
) -> None:
    link = await write(pool, config, kind)
    summary = await write(pool, config)

    await post(pool, config, mail_server.port).send_due()

    assert len(mail_server.got) == 2
    assert (await row(pool, link))["body_text"] == (await row(pool, link))["body_html"] == ""
    assert (await row(pool, summary))["body_text"] != ""


async def test_a_server_that_asks_to_come_again_is_asked_again_later(
    pool: Pool, config: Config, mail_server: MailServer
) -> None:
    number = await write(pool, config)
    mail_server.answers = ["451 not now"]
    sender = post(pool, config, mail_server.port)

    await sender.send_due()
    waiting = await row(pool, number)
    assert waiting["sent_at"] is waiting["died_at"] is None
    assert "not now" in waiting["error"]
    assert timedelta(seconds=50) < waiting["wait"] <= timedelta(minutes=1)
    await sender.send_due()  # its time has not come
    assert (await row(pool, number))["tries"] == 1
    await come_due(pool)
    await sender.send_due()

    assert (await row(pool, number))["sent_at"] is not None
    assert len(mail_server.got) == 1


async def test_a_server_that_is_away_is_tried_for_hours_and_then_a_person_is_told(
    pool: Pool, config: Config
) -> None:
    number = await write(pool, config)
    sender = post(pool, config, _free_port())

    waits = []
    for _ in range(MOST_TRIES):
        await come_due(pool)
        await sender.send_due()
        waits.append((await row(pool, number))["wait"])

    minutes = [round(wait / timedelta(minutes=1)) for wait in waits[:-1]]
    assert minutes == [1, 2, 4, 8, 16, 32, 64, 128]
    dead = await row(pool, number)
    assert dead["died_at"] is not None
    assert "onnect" in dead["error"]
    async with pool.acquire() as conn:
        assert [mail.id for mail in await mails.list_dead(conn, limit=9)] == [number]
    await come_due(pool)
    await sender.send_due()
    assert (await row(pool, number))["tries"] == MOST_TRIES

    with listening() as server:
        async with pool.acquire() as conn:
            assert await mails.try_again(conn, number)
        await post(pool, config, server.port).send_due()
        assert len(server.got) == 1


async def test_one_that_the_server_will_never_take_dies_at_once_and_holds_up_no_other(
    pool: Pool, config: Config, mail_server: MailServer
) -> None:
    unknown = await write(pool, config)
    refused = await write(pool, config)
    nonsense = await write(pool, config, recipient="no address")
    good = await write(pool, config)
    mail_server.at_recipient = ["550 no such mailbox"]
    mail_server.answers = ["554 we do not like it"]

    await post(pool, config, mail_server.port).send_due()

    for number, why in ((unknown, "550 no such mailbox"), (refused, "554"), (nonsense, "")):
        dead = await row(pool, number)
        assert dead["died_at"] is not None
        assert why in dead["error"]
        assert dead["tries"] == 1
    assert (await row(pool, good))["sent_at"] is not None
    assert len(mail_server.got) == 1


@pytest.mark.parametrize("kind", ["sign_in_link", "invitation", "password_link"])
async def test_a_dead_link_is_not_sent_again(
    pool: Pool, config: Config, mail_server: MailServer, kind: str
) -> None:
    number = await write(pool, config, kind)
    mail_server.answers = ["554 no"]
    await post(pool, config, mail_server.port).send_due()

    assert (await row(pool, number))["body_text"] == ""
    async with pool.acquire() as conn:
        assert not await mails.try_again(conn, number)
    assert (await row(pool, number))["died_at"] is not None


async def test_who_dies_between_taking_and_recording_has_it_sent_again_with_the_same_id(
    pool: Pool, config: Config, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await write(pool, config)

    async def die(*_: Any, **__: Any) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(mails, "record_sent", die)
        with pytest.raises(asyncio.CancelledError):
            await post(pool, config, mail_server.port).send_due()
    assert len(mail_server.got) == 1
    left = await row(pool, number)
    assert left["sent_at"] is None
    assert left["wait"] > timedelta(minutes=1)  # nobody takes it while it may be under way

    await post(pool, config, mail_server.port).send_due()
    assert len(mail_server.got) == 1
    await come_due(pool)
    await post(pool, config, mail_server.port).send_due()
    first, second = mail_server.messages
    assert first["Message-ID"] == second["Message-ID"]
    assert (await row(pool, number))["sent_at"] is not None


@pytest.mark.parametrize("dies_at", ["", "EHLO", "MAIL", "RCPT", "DATA", ".", "QUIT"])
async def test_a_server_that_dies_in_the_middle_has_it_sent_again_and_as_few_times_as_can_be(
    pool: Pool, config: Config, dies_at: str
) -> None:
    """Only one that dies with the mail in its hands, before it says so, may have it twice."""
    number = await write(pool, config)
    heard: list[str] = []

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_data = False
        answers = {"EHLO": "250 here", "DATA": "354 go on", ".": "250 taken", "QUIT": "221 bye"}
        if dies_at:
            writer.write(b"220 here\r\n")
        while dies_at and (came := await reader.readline()):
            line = came.decode().strip("\r\n")
            word = line if is_data else line[:4].upper()
            if is_data and line != ".":
                continue
            is_data = word == "DATA"
            heard.append(word)
            if word == dies_at:
                break
            writer.write(f"{answers.get(word, '250 fine')}\r\n".encode())
        writer.close()

    server = await asyncio.start_server(half, "127.0.0.1", 0)
    async with server:
        await post(pool, config, server.sockets[0].getsockname()[1]).send_due()
    kept = await row(pool, number)
    if dies_at == "QUIT":  # what it said it took, it took
        assert kept["sent_at"] is not None
        return
    assert kept["sent_at"] is kept["died_at"] is None
    assert kept["error"]
    assert timedelta(seconds=50) < kept["wait"] <= timedelta(minutes=1)


async def test_two_portals_send_each_mail_once(
    pool: Pool, config: Config, mail_server: MailServer
) -> None:
    for _ in range(10):
        await write(pool, config)

    await asyncio.gather(
        *(post(pool, config, mail_server.port).send_due() for _ in range(2)),
    )

    assert len({message["Message-ID"] for message in mail_server.messages}) == 10
    assert len(mail_server.got) == 10


async def test_we_sign_in_with_the_name_and_password_of_the_address(
    pool: Pool, config: Config
) -> None:
    asked: list[tuple[bytes, bytes]] = []

    def check(_server: Any, _session: Any, _envelope: Any, _how: Any, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        asked.append((data.login, data.password))
        return AuthResult(success=True)

    how = {"authenticator": check, "auth_require_tls": False}
    with listening(**how) as server:
        number = await write(pool, config)
        await post(pool, config, server.port, who="us%40er:p%3Ass@").send_due()

        assert asked == [(b"us@er", b"p:ss")]
        assert (await row(pool, number))["sent_at"] is not None


async def test_a_wrong_password_of_ours_loses_no_mail(pool: Pool, config: Config) -> None:
    def check(*_: Any) -> AuthResult:
        return AuthResult(success=False, handled=False)

    how = {"authenticator": check, "auth_require_tls": False}
    with listening(**how) as server:
        number = await write(pool, config)
        await post(pool, config, server.port, who="user:wrong@").send_due()

    waiting = await row(pool, number)
    assert waiting["died_at"] is None
    assert "535" in waiting["error"]
    assert "wrong" not in waiting["error"]


async def test_a_password_is_not_said_to_a_far_server_without_tls(
    pool: Pool, config: Config, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send, "_is_loopback", lambda _client: False)
    number = await write(pool, config)

    await post(pool, config, mail_server.port, who="user:secret@").send_due()

    assert "TLS" in (await row(pool, number))["error"]
    assert mail_server.got == []


@pytest.mark.parametrize(
    ("url", "port", "is_tls"),
    [
        ("smtp://mail.example", 25, False),
        ("smtp://user:pw@mail.example", 587, False),
        ("smtps://user:pw@mail.example", 465, True),
        ("smtp://mail.example:2525", 2525, False),
    ],
)
def test_the_usual_port_of_each_kind_of_server(url: str, port: int, is_tls: bool) -> None:
    server = Server.of(url)

    assert (server.port, server.is_tls) == (port, is_tls)


def test_tries_are_over_some_hours() -> None:
    waits = [again_after(tries) for tries in range(1, MOST_TRIES)]

    assert None not in waits
    assert sum((wait for wait in waits if wait), timedelta()) > timedelta(hours=4)
    assert again_after(MOST_TRIES) is None


async def test_without_a_mail_server_mails_are_files_that_only_we_can_read(
    pool: Pool, config: Config
) -> None:
    number = await write(pool, config, "sign_in_link")

    with structlog.testing.capture_logs() as logs:
        await Post(config, pool).send_due()

    (path,) = (config.database.data_dir / "mail").iterdir()
    assert re.fullmatch(rf"\d{{8}}T\d{{6}}Z-{number}-sign_in_link\.eml", path.name)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    # As it stands in the file, for whoever copies it by hand.
    assert VALUES["link"] in path.read_text()
    message = email.message_from_bytes(path.read_bytes(), policy=policy)
    assert message["To"] == "ada@example.org"
    assert (await row(pool, number))["sent_at"] is not None
    (kept,) = [line for line in logs if line["event"] == "mail.kept"]
    assert kept["file"] == str(path)
    assert "token" not in str(logs)
