"""What is wrong with a certificate request (PKCS #10) of a station."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import NameOID

#: What a station may send of it, in every version.
MOST_CHARACTERS = 5_500
#: What it is for when it does not say: the station's own end of TLS (A02).
FOR_THE_STATION = "ChargingStationCertificate"

_LEAST_RSA_BITS = 2048
_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384"}
_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_SHOWN_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Verdict:
    """`problem` in plain words, None for a good one; the rest as far as it could be read."""

    problem: str | None
    subject: str | None = None
    key: str | None = None  # such as RSA 2048, EC P-256
    key_digest: bytes | None = None  # SHA-256 of the public key


def check(csr: str, *, kind: str, names: Sequence[str], organization: str) -> Verdict:
    """
    Judge a request in PEM (digest 8.3 and 8.4; reliability D-P50).

    `names` are what the station may call itself (CN): its serial number, its identity. They are
    asked only of its own certificate: one for vehicles (V2G) names the operator's charge point as
    the vehicles' standard wants. `organization` (O) is asked unless it is empty. Takes up to some
    milliseconds: not for the event loop.
    """
    if len(csr) > MOST_CHARACTERS:
        return Verdict(f"it is longer than {MOST_CHARACTERS:,} characters")
    try:
        request = x509.load_pem_x509_csr(csr.encode("ascii"))
        subject = request.subject
        key = request.public_key()
        # The key first: to verify with an absurd one is work.
        problem = _problem_of_key(key)
        problem = problem or _problem_of_signature(request)
        if problem is None and kind == FOR_THE_STATION:
            problem = _problem_of_name(subject, names)
        if problem is None and organization:
            problem = _problem_of_organization(subject, organization)
        der = key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return Verdict(
            problem, _shown(subject.rfc4514_string()), _words(key), hashlib.sha256(der).digest()
        )
    except (ValueError, x509.InvalidVersion, UnsupportedAlgorithm):
        return Verdict("it is no certificate request in PEM that can be read")


def _problem_of_key(key: CertificatePublicKeyTypes) -> str | None:
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < _LEAST_RSA_BITS:
            return f"its key is too weak: RSA of {key.key_size} bits, not of {_LEAST_RSA_BITS}"
        return None
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        return None
    return f"its key is {_words(key)}, and neither RSA nor EC on P-256 or P-384"


def _problem_of_signature(request: x509.CertificateSigningRequest) -> str | None:
    used = request.signature_hash_algorithm
    if not isinstance(used, _HASHES):
        name = "no hash" if used is None else used.name.upper()
        return f"it is signed with {name}, and not with SHA-256 or better"
    if not request.is_signature_valid:
        return "its signature is not that of its key"
    return None


def _problem_of_name(subject: x509.Name, names: Sequence[str]) -> str | None:
    said = _values(subject, NameOID.COMMON_NAME)
    if len(said) == 1 and said[0] in names:
        return None
    wanted = " or ".join(names)
    return f"it is for {_shown(', '.join(said)) or 'nobody'} (CN), and not for {wanted}"


def _problem_of_organization(subject: x509.Name, organization: str) -> str | None:
    said = _values(subject, NameOID.ORGANIZATION_NAME)
    if organization in said:
        return None
    return f"its organization (O) is {_shown(', '.join(said)) or 'missing'}, not {organization}"


def _values(subject: x509.Name, oid: x509.ObjectIdentifier) -> list[str]:
    return [str(attribute.value) for attribute in subject.get_attributes_for_oid(oid)]


def _words(key: CertificatePublicKeyTypes) -> str:
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {_CURVES.get(key.curve.name, key.curve.name)}"
    return type(key).__name__.strip("_").removesuffix("PublicKey")


def _shown(text: str) -> str:
    return text[:_SHOWN_CHARACTERS].replace("\x00", "\ufffd")
