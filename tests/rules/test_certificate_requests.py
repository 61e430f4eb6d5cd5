"""What is wrong with a certificate request (reliability D-P50)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from hypothesis import example, given, settings
from hypothesis import strategies as st

from csms.rules.certificate_requests import Verdict, check
from tests.certificates import csr, forged, key

STATION = "ChargingStationCertificate"
NAMES = ["SN-1", "CP-1"]
UNREADABLE = "it is no certificate request in PEM that can be read"


def judged(text: str, *, kind: str = STATION, organization: str = "") -> Verdict:
    return check(text, kind=kind, names=NAMES, organization=organization)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("kind", "words"), [("P-256", "EC P-256"), ("P-384", "EC P-384"), ("2048", "RSA 2048")]
)
def test_one_of_the_station_with_a_good_key_is_good(name: str, kind: str, words: str) -> None:
    der = (
        key(kind)
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )

    assert judged(csr(name, kind=kind)) == Verdict(
        None, f"CN={name}", words, hashlib.sha256(der).digest()
    )


def test_a_request_as_stations_write_lines_is_good() -> None:
    assert judged(csr("CP-1").replace("\n", "\r\n")).problem is None
    assert judged("\n" + csr("CP-1").rstrip("\n")).problem is None


NO_REQUEST = (
    "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----"  # base64, no DER
)
# Made when they are asked for: they are others each time.
BAD: dict[str, tuple[Callable[[], str], str]] = {
    "empty": (lambda: "", UNREADABLE),
    "a letter": (lambda: "x", UNREADABLE),
    "not ASCII": (lambda: "Zürich", UNREADABLE),
    "no DER": (lambda: NO_REQUEST, UNREADABLE),
    "cut": (lambda: csr("CP-1")[:200], UNREADABLE),
    "too long": (lambda: csr("CP-1") + " " * 6_000, "it is longer than 5,500 characters"),
    "1 MB": (lambda: "A" * 1_000_000, "it is longer than 5,500 characters"),
    "short RSA": (
        lambda: csr("CP-1", kind="1024"),
        "its key is too weak: RSA of 1024 bits, not of 2048",
    ),
    "short EC": (
        lambda: csr("CP-1", kind="P-224"),
        "its key is EC secp224r1, and neither RSA nor EC on P-256 or P-384",
    ),
    "another key": (
        lambda: csr("CP-1", kind="Ed25519"),
        "its key is Ed25519, and neither RSA nor EC on P-256 or P-384",
    ),
    "a weak hash": (
        lambda: csr("CP-1", sha="SHA224"),
        "it is signed with SHA224, and not with SHA-256 or better",
    ),
    "forged": (lambda: forged("CP-2", as_if="CP-1"), "its signature is not that of its key"),
    "another's": (lambda: csr("CP-2"), "it is for CP-2 (CN), and not for SN-1 or CP-1"),
    "nobody's": (lambda: csr(), "it is for nobody (CN), and not for SN-1 or CP-1"),
    "two names": (
        lambda: csr("CP-1", "CP-2"),
        "it is for CP-1, CP-2 (CN), and not for SN-1 or CP-1",
    ),
    "another case": (lambda: csr("cp-1"), "it is for cp-1 (CN), and not for SN-1 or CP-1"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_one_is_told_what_is_wrong_with_it(name: str) -> None:
    make, problem = BAD[name]

    assert judged(make()).problem == problem


def test_the_organization_is_asked_when_there_is_one() -> None:
    ours = csr("CP-1", organization="Polaris")

    assert judged(ours).problem is None
    assert judged(ours, organization="Polaris").problem is None
    assert judged(csr("CP-1"), organization="Polaris").problem == (
        "its organization (O) is missing, not Polaris"
    )
    assert judged(csr("CP-1", organization="Evil"), organization="Polaris").problem == (
        "its organization (O) is Evil, not Polaris"
    )


def test_one_for_vehicles_has_a_name_of_its_own() -> None:
    assert judged(csr("SECC-CPO-1"), kind="V2GCertificate").problem is None


def test_another_pem_is_no_request() -> None:
    public = (
        key("P-256")
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )

    assert judged(public.decode()).problem == UNREADABLE


@settings(max_examples=150, deadline=None)
@given(place=st.integers(0, 10_000), byte=st.integers(0, 255))
@example(place=7, byte=1)  # a version that no request has
def test_no_broken_request_is_good_and_none_breaks_us(place: int, byte: int) -> None:
    der = x509.load_pem_x509_csr(csr("CP-1").encode()).public_bytes(serialization.Encoding.DER)
    place %= len(der)
    broken = der[:place] + bytes([byte]) + der[place + 1 :]
    text = _pem(broken)

    assert (judged(text).problem is None) == (broken == der)


def _pem(der: bytes) -> str:
    body = base64.encodebytes(der).decode()
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n"
