"""A certificate authority for programs, made here and worth nothing: root, code signer, time-stamp signer."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True, slots=True)
class CodeSigner:
    """PEM files: `root`, and certificate and key of the code signer and of the time-stamp signer."""

    root: Path
    certificate: Path
    key: Path
    stamp_certificate: Path
    stamp_key: Path


def make(folder: Path) -> CodeSigner:
    """Make them in `folder`."""
    root_key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test root of code signing")])
    root = _certificate(name, root_key.public_key(), name, root_key, ca=True, use=None)
    files = CodeSigner(*(folder / f"{one}.pem" for one in ("root", "signer", "signer-key", "stamp", "stamp-key")))
    files.root.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    for words, use, certificate, key_file in (
        ("Test code signer", ExtendedKeyUsageOID.CODE_SIGNING, files.certificate, files.key),
        ("Test time stamps", ExtendedKeyUsageOID.TIME_STAMPING, files.stamp_certificate, files.stamp_key),
    ):
        key = rsa.generate_private_key(65537, 2048)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, words)])
        made = _certificate(subject, key.public_key(), name, root_key, ca=False, use=use)
        chain = made.public_bytes(serialization.Encoding.PEM) + root.public_bytes(serialization.Encoding.PEM)
        certificate.write_bytes(chain)
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        key_file.chmod(0o600)
    return files


def _certificate(
    subject: x509.Name,
    public: rsa.RSAPublicKey,
    issuer: x509.Name,
    by: rsa.RSAPrivateKey,
    *,
    ca: bool,
    use: x509.ObjectIdentifier | None,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not ca, content_commitment=False, key_encipherment=False, data_encipherment=False,
                key_agreement=False, key_cert_sign=ca, crl_sign=ca, encipher_only=False, decipher_only=False,
            ),
            critical=True,
        )
    )  # fmt: skip
    if use is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=True)
    return builder.sign(by, hashes.SHA256())
