"""Reliability D-W42, D-W44, D-W45, T05: TLS as the standards ask, and certificates of chargers."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from csms.certificates import Certificates
from csms.config import Tls
from csms.ocpp import tls
from db import connect
from db.config import ConfigError
from db.model.stations import Profile
from tests.authority import Authority
from tests.catalogue.marks import row
from tests.conftest import copied
from tests.ocpp.conftest import Central, Log, until
from tests.raw_socket import TEXT, RawSocket, dialled, frame, request
from tests.wire import add_station, csms

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("log")]

OF_TLS_12 = [
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
]
NEEDLESS = ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384"]


@dataclass(frozen=True)
class Secure(Central):
    ports: dict[Profile, int]
    authority: Authority

    def client(self, certificate: tuple[Path, Path] | None = None) -> ssl.SSLContext:
        """As a charger that trusts our authority."""
        context = ssl.create_default_context(cafile=str(self.authority.file))
        if certificate is not None:
            context.load_cert_chain(*certificate)
        return context


def files(authority: Authority) -> Tls:
    chains, keys = zip(authority.server("RSA"), authority.server("ECDSA"), strict=True)
    return Tls(chains, keys, authority.file)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def central(
    server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> AsyncIterator[Secure]:
    """CP-1 and CP-2 with the serial number SN-2, and ports of three profiles."""
    async for url in copied(server_url, template):
        await add_station(url, "CP-1")
        await add_station(url, "CP-2")
        pool = await connect.create_pool(url, min_size=1, max_size=2)
        await pool.execute("update station set booted_at = now()")
        await pool.execute("update station set serial_number = 'SN-2' where identity = 'CP-2'")
        settings: dict[str, Any] = {"tls_port": 0, "mtls_port": 0, "tls": files(authority)}
        settings["send_timeout_s"] = 0.5
        async with csms(url, tmp_path_factory.mktemp("central"), **settings) as server:
            try:
                yield Secure(server.port, pool, dict(server.ports), authority)
            finally:
                await pool.close()


@asynccontextmanager
async def secured(
    port: int, context: ssl.SSLContext, receive_buffer: int | None = None
) -> AsyncIterator[RawSocket]:
    """A connection after its TLS handshake. Raises what the handshake does."""
    sock = socket.socket()
    sock.setblocking(False)
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection(
            sock=sock, ssl=context, server_hostname="127.0.0.1"
        )
    try:
        yield RawSocket(reader, writer)
    finally:
        writer.transport.abort()


def of_tls_12(context: ssl.SSLContext, suite: str) -> ssl.SSLContext:
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(suite)
    return context


def session_of(raw: RawSocket) -> ssl.SSLObject:
    found: ssl.SSLObject = raw.writer.get_extra_info("ssl_object")
    return found


async def refusal(port: int, context: ssl.SSLContext) -> str:
    """What a client hears of a handshake that is refused, by its alert."""
    try:
        async with secured(port, context) as raw:
            # In TLS 1.3 the client is through before its certificate is looked at.
            raw.send(request())
            await raw.reader.readexactly(1)
    except ssl.SSLError as refused:
        return refused.reason or ""
    raise AssertionError("the handshake was not refused")


@row("D-W45")
@pytest.mark.parametrize("suite", OF_TLS_12 + NEEDLESS, ids="W45 {}".format)
async def test_a_charger_gets_in_with_each_suite_of_the_standards(
    central: Secure, log: Log, suite: str
) -> None:
    context = of_tls_12(central.client(), suite)
    async with secured(central.ports[2], context) as raw:
        await raw.upgrade(request())
        await raw.heartbeat()
        used = session_of(raw)

        assert used.cipher() == (suite, "TLSv1.2", int(suite.split("AES")[1][:3]))
        assert used.compression() is None
    log.check_is_quiet()


@row("D-W45")
async def test_w45_with_tls_13_too(central: Secure, log: Log) -> None:
    async with secured(central.ports[2], central.client()) as raw:
        await raw.upgrade(request())
        await raw.heartbeat()
        assert session_of(raw).version() == "TLSv1.3"
    log.check_is_quiet()


@row("D-W44")
@pytest.mark.parametrize(
    ("version", "suite", "told"),
    [
        pytest.param("TLSv1", "ALL", "UNSUPPORTED_PROTOCOL", id="W44 TLS 1.0"),
        pytest.param("TLSv1_1", "ALL", "UNSUPPORTED_PROTOCOL", id="W44 TLS 1.1"),
        pytest.param("TLSv1_2", "AES128-SHA", "HANDSHAKE_FAILURE", id="W44 CBC and SHA-1"),
        pytest.param("TLSv1_2", "ECDHE-RSA-AES128-SHA", "HANDSHAKE_FAILURE", id="W44 ECDHE CBC"),
        pytest.param("TLSv1_2", "NULL-SHA256", "HANDSHAKE_FAILURE", id="W44 NULL"),
        pytest.param("TLSv1_2", "DHE-RSA-AES128-GCM-SHA256", "HANDSHAKE_FAILURE", id="W44 other"),
    ],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_what_is_too_old_or_too_weak_gets_an_alert_and_leaves_a_row(
    central: Secure, log: Log, version: str, suite: str, told: str
) -> None:
    context, after = central.client(), await central.last_attempt()
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    context.set_ciphers(f"{suite}:@SECLEVEL=0")

    heard = await refusal(central.ports[2], context)

    assert "ALERT" in heard
    attempt = await central.attempt(after)
    assert (attempt["http_status"], attempt["identity"]) == (0, None)
    assert attempt["remote_address"] == "127.0.0.1"
    words = "no TLS of 1.2 or newer" if told == "UNSUPPORTED_PROTOCOL" else "no cipher suite in"
    assert words in attempt["reason"]
    log.check_is_quiet()


@row("D-W44")
async def test_w44_nobody_renegotiates(central: Secure) -> None:
    """`ssl` cannot ask for it; what our contexts allow can be looked at."""
    now = Certificates(files(central.authority)).now
    for context in (now.server, now.mutual):
        assert context is not None
        assert context.options & ssl.OP_NO_RENEGOTIATION
        assert context.options & ssl.OP_NO_COMPRESSION
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
        assert {suite["name"] for suite in context.get_ciphers()} == {
            *OF_TLS_12,
            *NEEDLESS,
            *("TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"),
        }


@row("D-W42")
@pytest.mark.parametrize(
    ("said", "why"),
    [
        pytest.param(request(), "ws:// on a port of TLS", id="W42 plain HTTP"),
        pytest.param(b"\x00\xff" * 100, "this is not TLS", id="W42 random bytes"),
        pytest.param(b"SSH-2.0-x\r\n", "this is not TLS", id="W42 SSH"),
        pytest.param(b"\x16\x03\x01\x00\xff" + bytes(255), "no TLS handshake", id="W42 broken"),
    ],
)
async def test_what_is_not_tls_is_closed_and_leaves_a_row(
    central: Secure, log: Log, said: bytes, why: str
) -> None:
    after = await central.last_attempt()
    async with dialled(central.ports[2]) as raw:
        raw.send(said)
        await raw.ended()

    assert why in (await central.attempt(after))["reason"]
    log.check_is_quiet()


@row("D-W42")
async def test_w42_who_says_nothing_leaves_no_row_and_who_stops_halfway_is_closed(
    central: Secure, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tls.HANDSHAKE_S <= 10
    monkeypatch.setattr(tls, "HANDSHAKE_S", 0.2)
    after = await central.last_attempt()

    async with dialled(central.ports[2]) as silent:
        assert await silent.ended() == b""
    async with dialled(central.ports[2]) as raw:
        raw.send(b"\x16\x03\x01")
        assert await raw.ended() == b""

    assert "the TLS handshake took over" in (await central.attempt(after))["reason"]
    log.check_is_quiet()


# Chargers' certificates


@pytest.mark.parametrize(
    ("identity", "common_name"), [("CP-1", "CP-1"), ("CP-2", "SN-2"), ("CP-2", "CP-2")]
)
async def test_t05_a_certificate_with_the_identity_or_the_serial_number_lets_in(
    central: Secure, log: Log, identity: str, common_name: str
) -> None:
    context = central.client(central.authority.client(common_name))
    async with secured(central.ports[3], context) as raw:
        await raw.upgrade(request(f"/ocpp/{identity}", {"Authorization": None}))
        await raw.heartbeat()
    log.check_is_quiet()


@pytest.mark.parametrize(
    ("identity", "common_name"), [("CP-1", "CP-2"), ("CP-1", "SN-2"), ("CP-2", "CP-1")]
)
async def test_t05_the_certificate_of_another_station_is_refused(
    central: Secure, log: Log, identity: str, common_name: str
) -> None:
    after = await central.last_attempt()
    context = central.client(central.authority.client(common_name))
    async with secured(central.ports[3], context) as raw:
        raw.send(request(f"/ocpp/{identity}"))  # with CP-1's password, which is of no use here
        response = await raw.response()

    assert response.status == 403
    attempt = await central.attempt(after)
    assert attempt["identity"] == identity
    assert (
        f"the certificate of another station: it is made out to {common_name}"
        in (attempt["reason"])
    )
    assert await central.link() is None
    log.check_is_quiet()


async def test_t05_without_a_certificate_the_charger_is_told_so(central: Secure) -> None:
    after = await central.last_attempt()
    async with secured(central.ports[3], central.client()) as raw:
        raw.send(request())
        assert (await raw.response()).status == 403
    assert "showed no certificate" in (await central.attempt(after))["reason"]


@pytest.mark.parametrize("old", [False, True], ids=["TLS 1.3", "TLS 1.2"])
@pytest.mark.parametrize(
    ("which", "told", "why"),
    [
        ("expired", "CERTIFICATE_EXPIRED", "certificate has expired"),
        ("other authority", "UNKNOWN_CA", "unable to get local issuer certificate"),
        ("self-signed", "UNKNOWN_CA", "self-signed certificate"),
        ("a server's", "UNSUPPORTED_CERTIFICATE", "unsuitable certificate purpose"),
    ],
)
async def test_t05_a_wrong_certificate_gets_an_alert_and_leaves_a_row(
    central: Secure, tmp_path: Path, log: Log, which: str, told: str, why: str, old: bool
) -> None:
    ours = central.authority
    certificate = {
        "expired": lambda: ours.client("CP-1", days=-1),
        "other authority": lambda: Authority(tmp_path, "another").client("CP-1"),
        "self-signed": lambda: ours.self_signed("CP-1"),
        "a server's": lambda: ours.client("CP-1", is_server=True),
    }[which]()
    context, after = central.client(certificate), await central.last_attempt()
    if old:
        context.maximum_version = ssl.TLSVersion.TLSv1_2

    heard = await refusal(central.ports[3], context)

    assert told in heard
    reason = (await central.attempt(after))["reason"]
    assert reason.startswith("the charger's certificate is not accepted: ")
    assert why in reason.replace("self signed", "self-signed").replace(
        "unsupported certificate purpose", "unsuitable certificate purpose"
    )
    log.check_is_quiet()


BOOTS: dict[str, Any] = {
    "1.6": lambda serial: {
        "chargePointVendor": "Acme",
        "chargePointModel": "One",
        **({"chargePointSerialNumber": serial} if serial else {}),
    },
    "2.0.1": lambda serial: {
        "reason": "PowerUp",
        "chargingStation": {
            "vendorName": "Acme",
            "model": "One",
            **({"serialNumber": serial} if serial else {}),
        },
    },
}


@asynccontextmanager
async def with_certificate(
    central: Secure, common_name: str, version: str
) -> AsyncIterator[RawSocket]:
    """CP-2's link of security profile 3."""
    context = central.client(central.authority.client(common_name))
    offer = {"Authorization": None, "Sec-WebSocket-Protocol": f"ocpp{version}"}
    async with secured(central.ports[3], context) as raw:
        await raw.upgrade(request("/ocpp/CP-2", offer))
        yield raw


def say(message_id: str, action: str, payload: dict[str, Any]) -> bytes:
    return frame(TEXT, json.dumps([2, message_id, action, payload]).encode())


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_t05_a_boot_that_contradicts_the_certificate_is_rejected_and_closed(
    central: Secure, log: Log, version: str
) -> None:
    """B01.FR.11, B01.FR.12."""
    station = "select * from station where identity = 'CP-2'"
    before, after = await central.pool.fetchrow(station), await central.last_attempt()
    async with with_certificate(central, "SN-2", version) as raw:
        raw.send(
            say("boot", "BootNotification", BOOTS[version]("SN-<3>")),
            say("behind", "Heartbeat", {}),
        )
        answer = await raw.text()
        opcode, closed = await raw.frame()

    assert (answer[:2], answer[2]["status"]) == ([3, "boot"], "Rejected")
    assert opcode == 8
    assert closed == b"\x03\xf0the serial number is not that of the certificate"
    let_in, turned_away = await central.attempts(after)
    assert let_in["reason"] == "let in"
    assert turned_away["identity"] == "CP-2"
    assert turned_away["remote_address"] == "127.0.0.1"
    assert turned_away["reason"].startswith(
        "closed: it says that its serial number is SN-<3>, and showed the certificate of SN-2"
    )
    now = await central.pool.fetchrow(station)
    assert before is not None
    assert now is not None
    assert (now["booted_at"], now["serial_number"]) == (before["booted_at"], "SN-2")
    assert (await log.line("station.contradicts_certificate"))["log_level"] == "warning"
    log.check_is_quiet()


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
@pytest.mark.parametrize(("common_name", "serial"), [("SN-2", "SN-2"), ("SN-2", None)])
async def test_t05_a_boot_that_agrees_with_the_certificate_or_says_no_number_is_accepted(
    central: Secure, log: Log, version: str, common_name: str, serial: str | None
) -> None:
    async with with_certificate(central, common_name, version) as raw:
        raw.send(say("boot", "BootNotification", BOOTS[version](serial)))
        assert (await raw.text())[2]["status"] == "Accepted"
        await raw.heartbeat()
    log.check_is_quiet()


async def test_t05_a_certificate_of_the_identity_says_nothing_of_the_box(
    central: Secure, log: Log
) -> None:
    async with with_certificate(central, "CP-2", "1.6") as raw:
        raw.send(say("boot", "BootNotification", BOOTS["1.6"]("SN-9")))
        assert (await raw.text())[2]["status"] == "Accepted"
    await central.pool.execute("update station set serial_number = 'SN-2' where identity = 'CP-2'")
    log.check_is_quiet()


# The lowest profile of a station


@pytest.mark.parametrize(
    ("least", "way_in", "has_key", "told"),
    [
        (0, 1, True, None),
        (0, 1, False, None),
        (0, 2, False, None),
        (1, 1, True, None),
        (1, 1, False, "needs a password"),
        (2, 1, True, "needs TLS"),
        (2, 2, True, None),
        (2, 2, False, "needs a password"),
        (2, 3, True, None),
        (3, 1, True, "needs a certificate"),
        (3, 2, True, "needs a certificate"),
        (3, 3, True, None),
        (3, 3, False, None),
    ],
)
async def test_t26_by_a_lower_profile_than_it_must_a_station_is_refused_before_the_upgrade(
    central: Secure, log: Log, least: Profile, way_in: Profile, has_key: bool, told: str | None
) -> None:
    key = await central.pool.fetchrow("select key_salt, key_hash from station where id = 1")
    change = "update station set least_profile = $1, key_salt = $2, key_hash = $3 where id = 1"
    await central.pool.execute(change, least, *(key or () if has_key else (None, None)))
    after = await central.last_attempt()
    context = central.client(central.authority.client("CP-1"))
    way = dialled(central.ports[1]) if way_in == 1 else secured(central.ports[way_in], context)
    try:
        async with way as raw:
            raw.send(request(headers={} if has_key else {"Authorization": None}))
            response = await raw.response()
            if told is None:
                await raw.heartbeat()
    finally:
        await central.pool.execute(change, 0, *(key or ()))

    attempt = await central.attempt(after)
    assert response.status == attempt["http_status"] == (101 if told is None else 403)
    assert attempt["reason"].startswith(told or "let in")
    log.check_is_quiet()


# What a link does over TLS as it does without


async def test_large_messages_and_many_pass_both_ways(central: Secure, log: Log) -> None:
    long = b'[2,"long","DataTransfer",{"vendorId":"%s"}]' % (b"x" * 250)
    async with secured(central.ports[2], central.client()) as raw:
        await raw.upgrade(request())
        raw.send(*[frame(TEXT, long)] * 2_000)
        for _ in range(2_000):
            assert (await raw.text())[1] == "long"
        await raw.heartbeat()
    log.check_is_quiet()


async def test_who_never_reads_is_let_go_over_tls_too(central: Secure, log: Log) -> None:
    async with secured(central.ports[2], central.client(), receive_buffer=4_096) as raw:
        await raw.upgrade(request())
        await raw.heartbeat()
        raw.stop_reading()

        # The answers are as long as their ids.
        raw.send(frame(TEXT, b'[2,"%s","Nonsense",{}]' % (b"x" * 255)) * 18_000)

        await log.line("station.stopped_reading")
    log.check_is_quiet()


# The files


async def test_new_files_hold_for_new_handshakes_without_a_restart(
    central: Secure, tmp_path: Path
) -> None:
    first, second = Authority(tmp_path, "first"), Authority(tmp_path, "second")
    chain, key = first.server("ECDSA")
    certificates = Certificates(Tls((chain,), (key,), first.file))
    before = certificates.now
    watching = asyncio.create_task(certificates.watch(0.02))
    try:
        new_chain, new_key = second.server("ECDSA")
        chain.write_bytes(new_chain.read_bytes())
        await asyncio.sleep(0.1)
        assert certificates.now is before  # the key is still the old one's

        key.write_bytes(new_key.read_bytes())

        async def is_new() -> bool:
            return certificates.now is not before

        await until(is_new)
    finally:
        watching.cancel()
    assert shown(certificates.now.server) == new_chain.read_text()


def shown(context: ssl.SSLContext) -> str:
    """The certificate that a context shows, as PEM."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    here, there = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(here, there)
    answering = context.wrap_bio(there, here, server_side=True)
    for _ in range(4):
        for side in (asking, answering):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
    der = asking.getpeercert(binary_form=True)
    assert der is not None
    return ssl.DER_cert_to_PEM_cert(der)


async def test_a_reload_is_seen_on_the_port_and_leaves_open_links_alone(
    server_url: str, template: str, tmp_path: Path
) -> None:
    old, new = Authority(tmp_path, "old"), Authority(tmp_path, "new")
    chain, key = old.server("RSA")
    async for url in copied(server_url, template):
        await add_station(url, "CP-1")
        settings: dict[str, Any] = {"tls_port": 0, "tls": Tls((chain,), (key,))}
        async with csms(url, tmp_path, **settings) as server:
            trusting_old = ssl.create_default_context(cafile=str(old.file))
            trusting_new = ssl.create_default_context(cafile=str(new.file))
            async with secured(server.ports[2], trusting_old) as raw:
                await raw.upgrade(request())
                for ours, theirs in zip((chain, key), new.server("RSA"), strict=True):
                    ours.write_bytes(theirs.read_bytes())
                assert server.certificates is not None
                server.certificates.reload()

                async with secured(server.ports[2], trusting_new):
                    pass
                with pytest.raises(ssl.SSLCertVerificationError):
                    async with secured(server.ports[2], trusting_old):
                        pass
                await raw.heartbeat()


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ("missing", "cannot be read: No such file or directory."),
        ("no PEM", "cannot be read: it is no PEM file."),
        ("wrong key", "they do not belong together."),
        ("key with a password", "the key is not readable or has a password."),
        ("same kind twice", "two chains of the same kind (ECDSA)"),
        ("no authority", "cannot be used: "),
    ],
)
async def test_a_broken_file_is_one_clear_sentence(
    tmp_path: Path, authority: Authority, broken: str, sentence: str
) -> None:
    chain, key = authority.make("own", "127.0.0.1")
    _, other_key = authority.make("other", "127.0.0.1")
    nonsense, locked = tmp_path / "nonsense.pem", tmp_path / "locked.key"
    nonsense.write_text("nonsense")
    locked.write_bytes(authority.locked_key())
    given = {
        "missing": Tls((tmp_path / "none",), (key,)),
        "no PEM": Tls((nonsense,), (key,)),
        "wrong key": Tls((chain,), (other_key,)),
        "key with a password": Tls((chain,), (locked,)),
        "same kind twice": Tls((chain, chain), (key, key)),
        "no authority": Tls((chain,), (key,), nonsense),
    }[broken]

    with pytest.raises(ConfigError) as told:
        Certificates(given)

    assert sentence in str(told.value)
    assert "\n" not in str(told.value)
