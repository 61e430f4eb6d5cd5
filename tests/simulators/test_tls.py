"""A simulated station by wss://, with a password and with a certificate of its own."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

import pytest

from csms.config import Tls
from db.rows import Pool
from simulators import Station, arguments
from simulators.errors import CannotConnect, SimulatorError
from tests.authority import Authority
from tests.wire import KEY, add_station, csms


def given(**options: Path | None) -> argparse.Namespace:
    return argparse.Namespace(**{"url": "wss://x", "ca": None, "cert": None, "key": None} | options)


async def test_a_station_connects_by_tls_with_a_password_or_a_certificate(
    database_url: str, tmp_path: Path, pool: Pool
) -> None:
    authority = Authority(tmp_path)
    chain, key = authority.server("ECDSA")
    cert, cert_key = authority.client("CP-1")
    await add_station(database_url, "CP-1")
    tls = Tls((chain,), (key,), authority.file)
    async with csms(database_url, tmp_path, tls_port=0, mtls_port=0, tls=tls) as server:
        url = f"wss://127.0.0.1:{server.ports[2]}/ocpp"
        trusting = arguments.tls(given(ca=authority.file))
        async with Station("CP-1", version="1.6", url=url, password=KEY, tls=trusting):
            assert await pool.fetchval("select count(*) from link") == 1
        with pytest.raises(CannotConnect, match=r"there is no TLS with .*: unable to get local"):
            async with Station("CP-1", version="1.6", url=url, password=KEY):
                pass

        command = ["station", "CP-1", "--url", f"wss://127.0.0.1:{server.ports[3]}/ocpp"]
        files = ["--ca", authority.file, "--cert", cert, "--key", cert_key]
        script = tmp_path / "life.txt"
        script.write_text("status\n")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "simulators", *command, *map(str, files)),
            *("--script", str(script)),
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await asyncio.wait_for(process.communicate(), 30)

    assert process.returncode == 0, said
    assert (
        await pool.fetchval("select count(*) from connection_attempt where http_status = 101") == 2
    )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"cert": Path("x")}, "--cert and --key go together"),
        ({"ca": Path("/none")}, "cannot be used"),
    ],
)
def test_what_cannot_be_used_is_said(options: dict[str, Path], sentence: str) -> None:
    with pytest.raises(SimulatorError, match=sentence):
        arguments.tls(given(**options))
