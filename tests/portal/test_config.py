"""Settings of the portal: read once, refused in words."""

from __future__ import annotations

import ipaddress

import pytest

from db.config import ConfigError
from portal.config import Config


def test_the_defaults_need_no_variable() -> None:
    config = Config.from_env({})

    assert (config.host, config.port) == ("127.0.0.1", 8080)
    assert (config.operator_name, config.operator_zone) == ("Polaris Express", "UTC")
    assert config.demo


def test_every_setting_is_read() -> None:
    config = Config.from_env(
        {
            "PORTAL_HOST": "0.0.0.0",
            "PORTAL_PORT": "80",
            "CSMS_HOST": "::1",
            "CSMS_PORT": "9001",
            "CSMS_TLS_PORT": "9443",
            "PUBLIC_URL": "https://charge.example.com/",
            "TRUSTED_PROXIES": "10.0.0.0/8, ::1",
            "OPERATOR_NAME": "Ada's",
            "OPERATOR_EMAIL": "ada@example.com",
            "OPERATOR_ZONE": "Europe/Zurich",
            "OPERATOR_CURRENCY": "chf",
            "SMTP_URL": "smtp://u:p@mail.example.com:587",
            "SECRET_KEY": "x" * 32,
            "DEMO": "0",
            "ADMIN_EMAIL": "ada@example.com",
            "ADMIN_PASSWORD": "correct horse",
            "LOG_LEVEL": "debug",
        }
    )

    assert config.public_url == "https://charge.example.com"
    assert config.trusted_proxies == (
        ipaddress.ip_network("10.0.0.0/8"),
        ipaddress.ip_network("::1/128"),
    )
    assert config.operator_currency == "CHF"
    assert config.charger_host == "[::1]"
    assert (
        config.charger_url("CP-1", 1)
        == config.charger_url("CP-1", 3)
        == ("ws://[::1]:9001/ocpp/CP-1")
    )
    assert config.charger_url("CP-1", 2) == "wss://[::1]:9443/ocpp/CP-1"
    assert not config.demo
    assert "correct horse" not in repr(config)
    assert "u:p" not in repr(config)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORTAL_PORT", "0"),
        ("PORTAL_PORT", "http"),
        ("PUBLIC_URL", "charge.example.com"),
        ("PUBLIC_URL", "ftp://charge.example.com"),
        ("PUBLIC_URL", "https://x:99999"),
        ("PUBLIC_URL", "https://[x"),
        ("TRUSTED_PROXIES", "10.0.0.0/99"),
        ("OPERATOR_EMAIL", "ada"),
        ("OPERATOR_ZONE", "Mars/Olympus"),
        ("OPERATOR_ZONE", "../etc"),
        ("OPERATOR_ZONE", "Europe"),
        ("OPERATOR_CURRENCY", "EURO"),
        ("SMTP_URL", "mail.example.com"),
        ("SECRET_KEY", "short"),
        ("DEMO", "maybe"),
        ("ADMIN_EMAIL", "ada"),
        ("LOG_LEVEL", "loud"),
        ("PORTAL_PROT", "1"),
    ],
)
def test_a_wrong_value_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name):
        Config.from_env({name: value})


@pytest.mark.parametrize(
    ("public_url", "host"),
    [(None, "127.0.0.1"), ("https://charge.example.com", "charge.example.com")],
)
def test_a_charger_is_told_an_address_that_it_can_reach(public_url: str | None, host: str) -> None:
    config = Config.from_env({"CSMS_HOST": "0.0.0.0", "PUBLIC_URL": public_url or ""})

    assert config.charger_host == host
