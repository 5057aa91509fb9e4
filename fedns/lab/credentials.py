"""What a simulated API server is trusted by, and whom it trusts: its CA, its certificate, and bearer tokens.

Files lie beside the kubeconfig that names them, and are replaced whole, as a secret's volume does it.
"""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from secrets import token_urlsafe
from time import monotonic
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fedns.lab import kubeconfig

_DAY = timedelta(days=1)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _signed(
    subject: str, issuer: str, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey, *, authority: bool
) -> x509.CertificateBuilder:
    """What a CA's certificate and a server's have in common; Python checks the key identifiers from 3.13 on."""
    now = datetime.now(UTC)
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False
    )
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + 30 * _DAY)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True, key_cert_sign=authority, crl_sign=authority, decipher_only=False, **usage
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )


def _replace(path: Path, content: bytes) -> None:
    """Write beside it and rename: nobody ever reads half of it."""
    new = path.with_name(f".{path.name}.new")
    new.touch(mode=0o600)
    new.write_bytes(content)
    new.replace(path)


class Credentials:
    """One server's CA, certificate and tokens, as files in `directory`; `name` begins their names.

    `tls` and `tokens` say which of the two the server uses; `chain` is its certificate with the key.
    `server_names` are further DNS names of the certificate.
    """

    def __init__(
        self,
        directory: Path,
        name: str,
        *,
        tls: bool = True,
        tokens: bool = True,
        host: str = "127.0.0.1",
        server_names: tuple[str, ...] = (),
    ) -> None:
        self.ca_file = directory / f"{name}.ca.crt"
        self.token_file = directory / f"{name}.token"
        self.context: ssl.SSLContext | None = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if tls else None
        self.chain = directory / f"{name}.server.pem"
        self._names = [x509.IPAddress(ip_address(host)), *(x509.DNSName(each) for each in server_names)]
        self._tokens = tokens
        self._accepted: dict[str, float | None] = {}
        directory.mkdir(parents=True, exist_ok=True)
        if tls:
            self.rotate_certificate()
        if tokens:
            self.rotate_token()

    def rotate_certificate(self) -> None:
        """A new CA and a new certificate: the CA file is replaced, new handshakes see it, open connections stay."""
        if self.context is None:
            raise ValueError("this server speaks no TLS")
        authority, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        issuer = f"lab CA {x509.random_serial_number()}"
        root = _signed(issuer, issuer, authority, authority, authority=True).sign(authority, hashes.SHA256())
        names = x509.SubjectAlternativeName(self._names)
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        built = _signed("lab server", issuer, key, authority, authority=False).add_extension(names, critical=False)
        leaf = built.add_extension(usage, critical=False).sign(authority, hashes.SHA256())
        pem = serialization.Encoding.PEM
        private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        _replace(self.chain, leaf.public_bytes(pem) + private)
        self.context.load_cert_chain(self.chain)
        _replace(self.ca_file, root.public_bytes(pem))

    def rotate_token(self, grace: float = 0.0) -> str:
        """A new token in the token file; those before it are refused after `grace` seconds."""
        if not self._tokens:
            raise ValueError("this server asks for no token")
        end = monotonic() + grace
        self._accepted = {token: end if until is None else until for token, until in self._accepted.items()}
        token = token_urlsafe(24)
        self._accepted[token] = None
        _replace(self.token_file, token.encode())
        return token

    def accept(self, token: str) -> None:
        """Accept this token, too, until the next rotation."""
        self._accepted[token] = None

    def accepts(self, authorization: str) -> bool:
        """Whether an Authorization header opens the door."""
        if not self._tokens:
            return True
        token = authorization.removeprefix("Bearer ")
        until = self._accepted.get(token, 0.0)
        return authorization != token and (until is None or monotonic() < until)

    def kubeconfig(self, name: str, url: str, **cluster: str) -> dict[str, Any]:
        """A kubeconfig that names the files; `cluster` are further entries, with _ for -: tls_server_name."""
        more = {key.replace("_", "-"): value for key, value in cluster.items()}
        user = {"tokenFile": str(self.token_file)} if self._tokens else {}
        return kubeconfig.contents({name: url}, ca=self.ca_file if self.context else None, cluster=more, user=user)
