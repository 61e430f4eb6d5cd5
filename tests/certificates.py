"""Certificate requests for tests: good ones, and bad in every way."""

from __future__ import annotations

from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@cache
def key(kind: str) -> Key:
    """`P-256`, `P-384`, `P-521`, `P-224`, `Ed25519` or a number of RSA bits, made once."""
    curves: dict[str, ec.EllipticCurve] = {
        "P-224": ec.SECP224R1(),
        "P-256": ec.SECP256R1(),
        "P-384": ec.SECP384R1(),
        "P-521": ec.SECP521R1(),
    }
    if kind == "Ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind in curves:
        return ec.generate_private_key(curves[kind])
    return rsa.generate_private_key(65_537, int(kind))


def csr(
    *names: str, kind: str = "P-256", organization: str | None = None, sha: str = "SHA256"
) -> str:
    """A request in PEM for these common names."""
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names]
    if organization:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    used = None if kind == "Ed25519" else getattr(hashes, sha)()
    made = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(parts))
    return pem(made.sign(key(kind), used))


def pem(request: x509.CertificateSigningRequest) -> str:
    return request.public_bytes(serialization.Encoding.PEM).decode()


def forged(name: str, *, as_if: str) -> str:
    """A good request in which one name was put in the place of another, of the same length."""
    assert len(name) == len(as_if)
    good = x509.load_pem_x509_csr(csr(name).encode())
    der = good.public_bytes(serialization.Encoding.DER)
    assert der.count(name.encode()) == 1
    return pem(x509.load_der_x509_csr(der.replace(name.encode(), as_if.encode())))
