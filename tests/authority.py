"""An authority of tests: makes RSA and ECDSA certificates, right ones and wrong ones."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Kind = Literal["RSA", "ECDSA"]
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class Authority:
    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._name = name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / f"{name}.pem"
        root = self._build(name, self._key, self._key, is_authority=True)
        self.file.write_bytes(root.public_bytes(Encoding.PEM))

    def server(self, kind: Kind) -> tuple[Path, Path]:
        """The files of a chain for 127.0.0.1, and of its key."""
        return self.make(f"server-{kind}", "127.0.0.1", kind=kind, is_server=True)

    def client(
        self, common_name: str, *, days: int = 1, is_server: bool = False
    ) -> tuple[Path, Path]:
        """`days` of validity from an hour ago; below zero it is over."""
        return self.make(f"client-{common_name}", common_name, days=days, is_server=is_server)

    def self_signed(self, common_name: str) -> tuple[Path, Path]:
        key = _key("ECDSA")
        return self._write(f"self-{common_name}", self._build(common_name, key, key), key)

    def locked_key(self) -> bytes:
        """A key with a password."""
        return _key("ECDSA").private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
        )

    def make(
        self,
        file: str,
        common_name: str,
        *,
        kind: Kind = "ECDSA",
        days: int = 1,
        is_server: bool = False,
    ) -> tuple[Path, Path]:
        key = _key(kind)
        made = self._build(common_name, key, self._key, days=days, is_server=is_server)
        return self._write(f"{self._name}-{file}", made, key)

    def _build(
        self,
        common_name: str,
        key: PrivateKey,
        signed_by: PrivateKey,
        *,
        days: int = 1,
        is_server: bool = False,
        is_authority: bool = False,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        issuer = common_name if signed_by is key else self._name
        usage = ExtendedKeyUsageOID.SERVER_AUTH if is_server else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = (
            x509.CertificateBuilder()
            .subject_name(_named(common_name))
            .issuer_name(_named(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - abs(days) * timedelta(days=2))
            .not_valid_after(now + days * timedelta(days=1))
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        )
        if not is_authority:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if is_server:
            address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
            builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
        return builder.sign(signed_by, hashes.SHA256())

    def _write(self, name: str, made: x509.Certificate, key: PrivateKey) -> tuple[Path, Path]:
        chain, key_file = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        chain.write_bytes(made.public_bytes(Encoding.PEM))
        key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return chain, key_file


def _key(kind: Kind) -> PrivateKey:
    if kind == "RSA":
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1())


def _named(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
