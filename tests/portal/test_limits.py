"""How often one may try, and whose try it is."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from db.config import DatabaseConfig
from portal.config import Config
from portal.context import CONFIG
from portal.errors import Problem
from portal.limits import Limit, address, network


def test_so_many_at_once_and_so_many_again_after_a_while() -> None:
    now = 0.0
    limit = Limit(3, 60, clock=lambda: now)
    for _ in range(3):
        limit.take("ada")
    with pytest.raises(Problem) as refused:
        limit.take("ada")
    assert refused.value.headers["Retry-After"] == "20"
    limit.take("grace")
    now = 20.0
    limit.take("ada")
    with pytest.raises(Problem):
        limit.take("ada")
    now = 1_000.0
    for _ in range(3):
        limit.take("ada")
    with pytest.raises(Problem):
        limit.take("ada")


def test_who_comes_under_many_names_fills_no_memory() -> None:
    limit = Limit(1, 60, clock=lambda: 0.0)
    for number in range(20_000):
        limit.take(str(number))
    assert len(limit._buckets) == 10_000


@pytest.mark.parametrize(
    ("trusted", "said", "is_"),
    [
        ((), "203.0.113.9", "10.0.0.1"),
        (("10.0.0.0/8",), "203.0.113.9", "203.0.113.9"),
        (("10.0.0.0/8",), "6.6.6.6, 203.0.113.9, 10.0.0.7", "203.0.113.9"),
        (("192.168.0.0/16",), "203.0.113.9", "10.0.0.1"),
        (("10.0.0.0/8",), "", "10.0.0.1"),
        (("10.0.0.0/8",), "unknown", "10.0.0.1"),
        (("10.0.0.0/8",), "203.0.113.9, \xff", "10.0.0.1"),
        (("10.0.0.0/8",), "2001:db8::9", "2001:db8::9"),
        (("10.0.0.0/8",), "::ffff:203.0.113.9", "203.0.113.9"),
    ],
)
def test_only_a_proxy_that_we_trust_is_believed(
    trusted: tuple[str, ...], said: str, is_: str
) -> None:
    assert address(asked("10.0.0.1", said, trusted)) == is_
    assert address(asked("::ffff:10.0.0.1", said, trusted)) == is_


@pytest.mark.parametrize(
    ("remote", "is_"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("", ""),
    ],
)
def test_who_has_a_whole_network_has_one_bucket(remote: str, is_: str) -> None:
    assert network(asked(remote)) == is_


def asked(remote: str, said: str = "", trusted: tuple[str, ...] = ()) -> web.Request:
    app = web.Application()
    config = Config(DatabaseConfig(data_dir=None))  # type: ignore[arg-type]
    app[CONFIG] = replace(
        config, trusted_proxies=tuple(ipaddress.ip_network(each) for each in trusted)
    )
    request = make_mocked_request("GET", "/", headers={"X-Forwarded-For": said}, app=app)
    request = request.clone(remote=remote)
    request._match_info = make_mocked_request("GET", "/", app=app).match_info
    return request
