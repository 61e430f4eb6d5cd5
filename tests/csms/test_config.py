"""Settings of the csms: TLS is asked for whole, or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from csms.config import Config, Tls
from db.config import ConfigError

WHOLE = {
    "CSMS_TLS_PORT": "9443",
    "CSMS_MTLS_PORT": "9444",
    "CSMS_TLS_CERTS": "/etc/rsa.pem, /etc/ec.pem",
    "CSMS_TLS_KEYS": "/etc/rsa.key,/etc/ec.key",
    "CSMS_CLIENT_CA": "/etc/chargers.pem",
}


def test_tls_settings_are_read() -> None:
    config = Config.from_env(WHOLE)

    assert (config.tls_port, config.mtls_port) == (9443, 9444)
    assert config.tls == Tls(
        (Path("/etc/rsa.pem"), Path("/etc/ec.pem")),
        (Path("/etc/rsa.key"), Path("/etc/ec.key")),
        Path("/etc/chargers.pem"),
    )
    assert Config.from_env({}).tls is None


@pytest.mark.parametrize(
    ("left_out", "sentence"),
    [
        ({"CSMS_TLS_KEYS"}, "names 2 files and CSMS_TLS_KEYS 0"),
        ({"CSMS_TLS_KEYS", "CSMS_TLS_CERTS"}, "need CSMS_TLS_CERTS and CSMS_TLS_KEYS"),
        ({"CSMS_CLIENT_CA"}, "CSMS_MTLS_PORT and CSMS_CLIENT_CA go together"),
        ({"CSMS_MTLS_PORT"}, "CSMS_MTLS_PORT and CSMS_CLIENT_CA go together"),
        ({"CSMS_TLS_PORT", "CSMS_MTLS_PORT", "CSMS_CLIENT_CA"}, "of no use without"),
    ],
)
def test_half_of_it_is_refused_in_words(left_out: set[str], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        Config.from_env({name: value for name, value in WHOLE.items() if name not in left_out})


def test_a_broken_file_ends_the_process_with_one_sentence(tmp_path: Path) -> None:
    env = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(tmp_path / "data"),
        "CSMS_TLS_PORT": "29443",
        "CSMS_TLS_CERTS": str(tmp_path / "none.pem"),
        "CSMS_TLS_KEYS": str(tmp_path / "none.key"),
    }

    done = subprocess.run(
        [sys.executable, "-m", "csms"], env=env, capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 2
    assert done.stderr == (
        f"The certificate chain {tmp_path}/none.pem cannot be read: No such file or directory.\n"
    )
    assert not (tmp_path / "data").exists()
