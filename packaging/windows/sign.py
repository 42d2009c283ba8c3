"""Signs programs and packages for Windows and checks what came of it.

    python packaging/windows/sign.py FILE…

The certificate is named by the environment, so that no script and no command line holds a secret:

    FLOWPILOT_SIGN_CERTIFICATE    PEM file: the certificate, then what leads to its root
    FLOWPILOT_SIGN_KEY            PEM file, or the PKCS#11 URI of a key in a token
    FLOWPILOT_SIGN_PKCS11_MODULE  the token's library, with such a URI
    FLOWPILOT_SIGN_PASSWORD_FILE  file with the key's password or the token's PIN
    FLOWPILOT_SIGN_ROOTS          PEM file with the root to check against, where the system's own lack it
    FLOWPILOT_SIGN_TIMESTAMP      address of the RFC 3161 time-stamp authority; without one a signature ends with the
                                  certificate
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]

import unsigned  # noqa: E402 - beside this file

SYSTEM_ROOTS: Final = Path("/etc/ssl/certs/ca-certificates.crt")
_DESCRIPTION: Final = "FlowPilot Escalations"
_VARIABLE: Final = "FLOWPILOT_SIGN_"


class SigningError(RuntimeError):
    """One plain line: what is missing, or what the tool said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Whose signature. `time_stamp` are osslsigncode's own options for it; empty for none."""

    certificate: Path
    key: str
    module: Path | None = None
    password_file: Path | None = None
    roots: Path = SYSTEM_ROOTS
    time_stamp: tuple[str, ...] = ()

    @classmethod
    def of_environment(cls, environment: Mapping[str, str]) -> "Signer | None":
        """Null when none is named. Raises `SigningError` for half of one."""
        named = {name: environment.get(_VARIABLE + name, "") for name in ("CERTIFICATE", "KEY")}
        if not any(named.values()):
            return None
        for name, value in named.items():
            if not value:
                raise SigningError(f"{_VARIABLE}{name} is not set")
        stamp = environment.get(f"{_VARIABLE}TIMESTAMP", "")
        module, password = (environment.get(_VARIABLE + name) for name in ("PKCS11_MODULE", "PASSWORD_FILE"))
        return cls(
            certificate=Path(named["CERTIFICATE"]),
            key=named["KEY"],
            module=Path(module) if module else None,
            password_file=Path(password) if password else None,
            roots=Path(environment.get(f"{_VARIABLE}ROOTS") or SYSTEM_ROOTS),
            time_stamp=("-ts", stamp) if stamp else (),
        )

    def sign(self, path: Path) -> None:
        """Sign a file in its place and check it. Raises `SigningError`; the file is then as it was."""
        signed = path.with_name(f"{path.name}.signed")
        command = [
            "osslsigncode", "sign", "-h", "sha256", "-n", _DESCRIPTION, "-certs", str(self.certificate),
            "-key", self.key, *self.time_stamp,
        ]  # fmt: skip
        if self.module is not None:
            command += ["-pkcs11module", str(self.module)]
        if self.password_file is not None:
            command += ["-readpass", str(self.password_file)]
        if path.suffix.lower() == ".msi":
            command.append("-add-msi-dse")  # covers names and sizes of the streams too
        try:
            _tool([*command, "-in", str(path), "-out", str(signed)])
            self.verify(signed.rename(signed.with_suffix(path.suffix)))
            signed.with_suffix(path.suffix).replace(path)
        finally:
            for left in (signed, signed.with_suffix(path.suffix)):
                if left != path:
                    left.unlink(missing_ok=True)

    def verify(self, path: Path) -> None:
        """Chain, digest, time stamp, and that nothing in the file is unsigned. Raises `SigningError`."""
        verify(path, self.roots, stamped=bool(self.time_stamp))


def verify(path: Path, roots: Path, *, stamped: bool) -> None:
    """Against the roots in a PEM file. Raises `SigningError`."""
    said = _tool(["osslsigncode", "verify", "-CAfile", str(roots), "-TSA-CAfile", str(roots), "-in", str(path)])
    if stamped and "Timestamp is not available" in said:
        raise SigningError(f"{path.name}: no time stamp")
    signature = None
    if path.suffix.lower() == ".msi":
        with tempfile.TemporaryDirectory() as folder:
            taken = Path(folder) / "signature"
            _tool(["osslsigncode", "extract-signature", "-in", str(path), "-out", str(taken)])
            signature = taken.read_bytes()
    try:
        unsigned.check(path, signature)
    except unsigned.UnsignedDataError as exc:
        raise SigningError(f"{path.name}: {exc}") from exc


def _tool(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise SigningError("\n".join(["osslsigncode:", *lines[-8:]]))
    return done.stdout


def main() -> int:
    """The command line."""
    try:
        signer = Signer.of_environment(os.environ)
        if signer is None:
            print(f"{_VARIABLE}CERTIFICATE is not set", file=sys.stderr)
            return 1
        for name in sys.argv[1:]:
            signer.sign(Path(name))
            print(f"signed {name}")
    except SigningError as exc:
        print(exc, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
