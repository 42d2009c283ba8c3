"""Looks for bytes of a signed file that its signature does not cover: anybody could put theirs there.

Windows checks a program's signature over all but the signature itself, and a package's over its streams alone. What
remains is unsigned room: behind the signature, in its padding, in its unauthenticated attributes, in sectors of no
stream. Formats: Microsoft's "Windows Authenticode Portable Executable Signature Format", RFC 5652, MS-CFB.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

TIME_STAMPS: Final = ("1.2.840.113549.1.9.6", "1.3.6.1.4.1.311.3.3.1")
"""The unauthenticated attributes that may be there: a time stamp, which is signed itself, by its own authority."""
_SIGNED_DATA: Final = 0x30
_FREE: Final = 0xFFFFFFFF
_LAST_STREAM: Final = 0xFFFFFFFA


class UnsignedDataError(ValueError):
    """Bytes that nobody has signed, or no signature at all."""


def check_program(data: bytes) -> bytes:
    """A program (PE). Answers its signature in DER. Raises `UnsignedDataError`."""
    head = struct.unpack_from("<I", data, 0x3C)[0]
    if data[:2] != b"MZ" or data[head : head + 4] != b"PE\0\0":
        raise UnsignedDataError("no program")
    optional = head + 24
    directories = optional + (112 if struct.unpack_from("<H", data, optional)[0] == 0x20B else 96)
    at, size = struct.unpack_from("<II", data, directories + 4 * 8)
    if not at or not size:
        raise UnsignedDataError("it is not signed")
    if at + size != len(data):
        raise UnsignedDataError(f"{len(data) - at - size} bytes behind the signature")
    length, _revision, kind = struct.unpack_from("<IHH", data, at)
    if kind != 2 or (length + 7) // 8 * 8 != size:
        raise UnsignedDataError("more than one signature block")
    block = data[at + 8 : at + size]
    end = _end(block)
    if any(block[end:]) or len(block) - end > 8 + 7:
        raise UnsignedDataError("padding that is not empty")
    check_signature(block[:end])
    return block[:end]


def check_package(data: bytes) -> None:
    """The container of a package (MSI): every sector belongs to a stream, and nothing follows the last."""
    if data[:8] != b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        raise UnsignedDataError("no package")
    sector = 1 << struct.unpack_from("<H", data, 30)[0]
    table = list(_allocation(data, sector))
    if (len(data) - sector) % sector or len(data) // sector - 1 > len(table):
        raise UnsignedDataError("bytes behind the last sector")
    for place in range(len(data) // sector - 1):
        if table[place] == _FREE and any(data[(place + 1) * sector : (place + 2) * sector]):
            raise UnsignedDataError(f"sector {place} belongs to no stream")


def check_signature(signature: bytes) -> None:
    """A CMS signature: one signer, and no unauthenticated attribute but a time stamp. Raises `UnsignedDataError`."""
    content = _children(signature, *_body(signature, 0))
    signed = _children(signature, *_body(signature, content[1]))[0]
    parts = _children(signature, *_body(signature, signed))
    signers = _children(signature, *_body(signature, parts[-1]))
    if len(signers) != 1:
        raise UnsignedDataError(f"{len(signers)} signers")
    for part in _children(signature, *_body(signature, signers[0])):
        if signature[part] == 0xA1:  # [1], the unauthenticated attributes
            for attribute in _children(signature, *_body(signature, part)):
                name = _oid(signature, _children(signature, *_body(signature, attribute))[0])
                if name not in TIME_STAMPS:
                    raise UnsignedDataError(f"an unauthenticated attribute {name}")


def check(path: Path, signature: bytes | None = None) -> None:
    """By the file's kind; a package's signature is given beside it. Raises `UnsignedDataError`."""
    data = path.read_bytes()
    if path.suffix.lower() == ".msi":
        check_package(data)
        if signature is None:
            raise UnsignedDataError("it is not signed")
        check_signature(signature[: _end(signature)])
        if any(signature[_end(signature) :]):
            raise UnsignedDataError("bytes behind the signature")
    else:
        check_program(data)


def _allocation(data: bytes, sector: int) -> Iterator[int]:
    """The next sector of each sector; `_FREE` for one of no stream."""
    places = list(struct.unpack_from("<109I", data, 76))
    following, count = struct.unpack_from("<II", data, 68)
    for _ in range(count):
        more = struct.unpack_from(f"<{sector // 4}I", data, (following + 1) * sector)
        places += more[:-1]
        following = more[-1]
    for place in places:
        if place < _LAST_STREAM:
            yield from struct.unpack_from(f"<{sector // 4}I", data, (place + 1) * sector)


def _body(der: bytes, at: int) -> tuple[int, int]:
    """Begin and end of a value's content."""
    length = der[at + 1]
    begin = at + 2
    if length & 0x80:
        count = length & 0x7F
        length = int.from_bytes(der[begin : begin + count])
        begin += count
    if begin + length > len(der):
        raise UnsignedDataError("a signature that ends too early")
    return begin, begin + length


def _end(der: bytes) -> int:
    if not der or der[0] != _SIGNED_DATA:
        raise UnsignedDataError("no signature")
    return _body(der, 0)[1]


def _children(der: bytes, at: int, end: int) -> list[int]:
    """Where each value between two places begins."""
    found = []
    while at < end:
        found.append(at)
        at = _body(der, at)[1]
    return found


def _oid(der: bytes, at: int) -> str:
    begin, end = _body(der, at)
    numbers, value = [der[begin] // 40, der[begin] % 40], 0
    for byte in der[begin + 1 : end]:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(value)
            value = 0
    return ".".join(map(str, numbers))
