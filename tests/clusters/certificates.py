"""Certificates for TLS tests: authorities, and what they sign."""

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


class Authority:
    """Signs certificates; `pem` is its own."""

    def __init__(self, name: str = "lab") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        self.pem = _pem(self._sign(self._name, self._key, x509.BasicConstraints(ca=True, path_length=None)))

    def issue(self, *names: str, common: str = "lab server") -> tuple[str, str]:
        """PEM of a certificate for these DNS names and addresses, and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._sign(_name(common), key, x509.SubjectAlternativeName([_general(name) for name in names]))
        pkcs8 = serialization.PrivateFormat.PKCS8
        secret = key.private_bytes(serialization.Encoding.PEM, pkcs8, serialization.NoEncryption())
        return _pem(made), secret.decode()

    def server(self, folder: Path, *names: str) -> ssl.SSLContext:
        """A server's side, with a certificate for these names; it asks clients for theirs, and takes none."""
        side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certify(side, folder, *self.issue(*(names or ("127.0.0.1",))))
        side.load_verify_locations(cadata=self.pem)
        side.verify_mode = ssl.CERT_OPTIONAL
        return side

    def _sign(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)
        serial, end = x509.random_serial_number(), now + dt.timedelta(days=1)
        builder = x509.CertificateBuilder(self._name, name, key.public_key(), serial, now, end)
        return builder.add_extension(extension, critical=False).sign(self._key, hashes.SHA256())


def certify(side: ssl.SSLContext, folder: Path, certificate: str, key: str) -> None:
    """Let a server show this certificate from now on."""
    path = folder / "server.pem"
    path.write_text(key + certificate)
    side.load_cert_chain(path)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
