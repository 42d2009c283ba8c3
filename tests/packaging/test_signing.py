"""Signatures of what Windows installs: by a certificate made here, over every byte of a file."""

import os
import shutil
import struct
import subprocess
from pathlib import Path

import pip
import pytest
import sign
import unsigned

from tests.support import code_signer
from tests.support.code_signer import CodeSigner

PROGRAM = Path(pip.__file__).parent / "_vendor" / "distlib" / "w64.exe"


def stamps_itself() -> bool:
    """From 2.6 on; before, only an authority on the internet could stamp."""
    tool = shutil.which("osslsigncode")
    return (
        tool is not None
        and "-TSA-key" in subprocess.run([tool, "sign", "--help"], capture_output=True, text=True, check=False).stdout
    )


pytestmark = pytest.mark.skipif(not stamps_itself(), reason="osslsigncode 2.6 or newer is not installed")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CodeSigner:
    return code_signer.make(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def signer(authority: CodeSigner) -> sign.Signer:
    return sign.Signer(
        certificate=authority.certificate,
        key=str(authority.key),
        roots=authority.root,
        time_stamp=("-TSA-certs", str(authority.stamp_certificate), "-TSA-key", str(authority.stamp_key)),
    )


@pytest.fixture
def program(tmp_path: Path) -> Path:
    return Path(shutil.copy(PROGRAM, tmp_path / "program.exe"))


def test_a_signed_program_carries_signer_and_time_stamp_and_verifies(signer: sign.Signer, program: Path) -> None:
    signer.sign(program)
    signer.verify(program)
    said = subprocess.run(
        ["osslsigncode", "verify", "-CAfile", str(signer.roots), "-TSA-CAfile", str(signer.roots), "-in", str(program)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "Test code signer" in said
    assert "Test time stamps" in said
    assert sorted(path.name for path in program.parent.iterdir()) == ["program.exe"]


def test_another_root_trusts_none_of_it_and_the_file_stays_as_it_was(
    signer: sign.Signer, program: Path, tmp_path: Path
) -> None:
    """A certificate by mistake must not go out: signing checks against the root it should lead to."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    before = program.read_bytes()
    stranger = sign.Signer(certificate=signer.certificate, key=signer.key, roots=code_signer.make(elsewhere).root)
    with pytest.raises(sign.SigningError):
        stranger.sign(program)
    assert program.read_bytes() == before


def _appended(data: bytearray) -> None:
    data += b"\0" * 8


def _grown_table(data: bytearray) -> None:
    """The known trick: the certificate table is made longer, so that the digest does not cover what is put into it."""
    at = struct.unpack_from("<I", data, 0x3C)[0] + 24 + 112 + 32
    place, size = struct.unpack_from("<II", data, at)
    struct.pack_into("<I", data, at + 4, size + 16)
    struct.pack_into("<I", data, place, size + 16)
    data += b"address=evil\0\0\0\0"


def _changed(data: bytearray) -> None:
    data[0x400] ^= 1


@pytest.mark.parametrize("harm", [_appended, _grown_table, _changed])
def test_bytes_that_nobody_signed_are_found(signer: sign.Signer, program: Path, harm: "pytest.FixtureRequest") -> None:
    signer.sign(program)
    data = bytearray(program.read_bytes())
    harm(data)  # type: ignore[operator]
    program.write_bytes(data)
    with pytest.raises(sign.SigningError):
        signer.verify(program)


def test_an_unauthenticated_attribute_of_anybodys_is_found(signer: sign.Signer, program: Path) -> None:
    signer.sign(program)
    blob = ["osslsigncode", "add", "-addUnauthenticatedBlob", "-in", str(program), "-out", f"{program}.more"]
    subprocess.run(blob, check=True, capture_output=True)
    with pytest.raises(unsigned.UnsignedDataError, match=r"unauthenticated attribute 1\.3\.6\.1\.4\.1\.42921"):
        unsigned.check(Path(f"{program}.more"))


@pytest.mark.skipif(shutil.which("msibuild") is None, reason="msitools is not installed")
def test_a_package_is_signed_with_its_names_and_sizes_and_holds_nothing_else(
    signer: sign.Signer, tmp_path: Path
) -> None:
    package = tmp_path / "package.msi"
    (tmp_path / "data").write_bytes(os.urandom(9000))
    for command in (["-s", "Title", "Author"], ["-a", "data", str(tmp_path / "data")]):
        subprocess.run(["msibuild", str(package), *command], check=True)
    signer.sign(package)
    data = package.read_bytes()
    package.write_bytes(data + b"more" * 128)
    with pytest.raises(sign.SigningError, match="sector"):
        signer.verify(package)


def test_an_unsigned_program_is_no_signed_one(program: Path) -> None:
    with pytest.raises(unsigned.UnsignedDataError, match="not signed"):
        unsigned.check(program)


def test_the_environment_names_the_certificate_whole_or_not_at_all() -> None:
    assert sign.Signer.of_environment({}) is None
    with pytest.raises(sign.SigningError, match="FLOWPILOT_SIGN_KEY is not set"):
        sign.Signer.of_environment({"FLOWPILOT_SIGN_CERTIFICATE": "x.pem"})
    made = sign.Signer.of_environment(
        {
            "FLOWPILOT_SIGN_CERTIFICATE": "x.pem",
            "FLOWPILOT_SIGN_KEY": "pkcs11:object=code",
            "FLOWPILOT_SIGN_PKCS11_MODULE": "/usr/lib/token.so",
            "FLOWPILOT_SIGN_TIMESTAMP": "http://stamps.example",
        }
    )
    assert made is not None
    assert (made.module, made.time_stamp) == (Path("/usr/lib/token.so"), ("-ts", "http://stamps.example"))
