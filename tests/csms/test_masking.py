"""What a log may not show, and what it must go on showing."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from csms.masking import HIDDEN, has_secret, masked, masked_arguments
from db.model.commands import Raw, StartSession, StopSession, decode, encode

SECRET = "5ec4e7-c0ffee"
IN_201 = {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}}
PLAIN_201 = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            [2, "1", "ChangeConfiguration", {"key": "authorizationKEY", "value": SECRET}],
            [2, "1", "ChangeConfiguration", {"key": "authorizationKEY", "value": HIDDEN}],
        ),
        (
            [
                3,
                "1",
                {
                    "configurationKey": [
                        {"key": "AuthorizationKey", "readonly": False, "value": SECRET},
                        {"key": "HeartbeatInterval", "readonly": False, "value": "300"},
                    ],
                    "unknownKey": ["VendorPassword"],
                },
            ],
            [
                3,
                "1",
                {
                    "configurationKey": [
                        {"key": "AuthorizationKey", "readonly": False, "value": HIDDEN},
                        {"key": "HeartbeatInterval", "readonly": False, "value": "300"},
                    ],
                    "unknownKey": ["VendorPassword"],
                },
            ],
        ),
        (
            {"setVariableData": [IN_201 | {"attributeValue": SECRET}]},
            {"setVariableData": [IN_201 | {"attributeValue": HIDDEN}]},
        ),
        (
            {
                "getVariableResult": [
                    IN_201 | {"attributeStatus": "Accepted", "attributeValue": SECRET},
                    PLAIN_201 | {"attributeStatus": "Accepted", "attributeValue": "300"},
                ]
            },
            {
                "getVariableResult": [
                    IN_201 | {"attributeStatus": "Accepted", "attributeValue": HIDDEN},
                    PLAIN_201 | {"attributeStatus": "Accepted", "attributeValue": "300"},
                ]
            },
        ),
        (
            {"reportData": [IN_201 | {"variableAttribute": [{"type": "Actual", "value": SECRET}]}]},
            {"reportData": [IN_201 | {"variableAttribute": [{"type": "Actual", "value": HIDDEN}]}]},
        ),
        (
            {"eventData": [IN_201 | {"actualValue": SECRET}]},
            {"eventData": [IN_201 | {"actualValue": HIDDEN}]},
        ),
        (
            {
                "connectionData": {
                    "basicAuthPassword": SECRET,
                    "apn": {"apn": "internet", "apnPassword": SECRET, "simPin": 1234},
                    "vpn": {"user": "ada", "password": SECRET, "key": SECRET},
                }
            },
            {
                "connectionData": {
                    "basicAuthPassword": HIDDEN,
                    "apn": {"apn": "internet", "apnPassword": HIDDEN, "simPin": HIDDEN},
                    "vpn": {"user": "ada", "password": HIDDEN, "key": HIDDEN},
                }
            },
        ),
        (
            {"location": f"ftp://ada:{SECRET}@files.example:21/fw.bin", "retries": 3},
            {"location": f"ftp://ada:{HIDDEN}@files.example:21/fw.bin", "retries": 3},
        ),
        (
            {"idToken": {"idToken": "1234", "type": "KeyCode"}},
            {"idToken": {"idToken": HIDDEN, "type": "KeyCode"}},
        ),
        (
            {"vendorId": "Acme", "data": json.dumps({"password": SECRET, "port": 1})},
            {"vendorId": "Acme", "data": '{"password":"***","port":1}'},
        ),
    ],
)
def test_a_secret_is_hidden_and_what_is_beside_it_is_not(said: Any, shown: Any) -> None:
    assert json.loads(masked(json.dumps(said).encode())) == shown
    assert has_secret(said)
    assert not has_secret(shown)


@pytest.mark.parametrize(
    "text",
    [
        b'{ "key":\t["AuthorizationKey"] }',
        b'{"key": "HeartbeatInterval",  "value":"1e3"}',
        b'{"location":"https://files.example:8443/a?to=ada@example.org"}',
        b'{"info":"Password is not set"}',
        b'{"idToken":{"idToken":"04A1","type":"ISO14443"}}',
        b'{"idTag":"\\u0041DA"}',
        b"{}",
    ],
)
def test_what_holds_no_secret_stays_as_it_is_to_the_byte(text: bytes) -> None:
    assert masked(text) == text


@pytest.mark.parametrize(
    "text",
    [
        b'{"\\u0070assword":"%s"}' % SECRET.encode(),
        b'{"location":"ftp:\\/\\/ada:%s@files.example\\/fw"}' % SECRET.encode(),
        b'{"password":"%s"' % SECRET.encode(),
        b'{"password":"%s","x":"\xff"}' % SECRET.encode(),
        b'{"data":"%s","password":"%s"}' % (b"[" * 9_000, SECRET.encode()),
        b'{"password":"%s","x":%s}' % (SECRET.encode(), b"9" * 400),
    ],
)
def test_no_way_of_writing_shows_a_secret(text: bytes) -> None:
    assert SECRET.encode() not in masked(text)


def test_arguments_of_a_command_stay_those_of_a_command() -> None:
    payload = b'{"key":"AuthorizationKey","value":"%s"}' % SECRET.encode()
    raw = decode(masked_arguments(encode(Raw("ChangeConfiguration", msgspec.Raw(payload)))))
    assert isinstance(raw, Raw)
    assert bytes(raw.payload) == b'{"key":"AuthorizationKey","value":"***"}'

    pin = encode(StartSession("1234", "KeyCode", 1))
    assert decode(masked_arguments(pin)) == StartSession(HIDDEN, "KeyCode", 1)

    for harmless in (
        encode(Raw("Reset", msgspec.Raw(b'{ "type":"Hard" }'))),
        encode(StartSession("ADA-1", "Central")),
        encode(StopSession(1, "tx-1")),
    ):
        assert masked_arguments(harmless) == harmless
