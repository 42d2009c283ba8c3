"""What the database answers as contract handoffs."""

import zlib

import msgspec

from backend.contract.handoffs import Handoff


def whole(body: str, package: str, snapshot: bytes) -> Handoff:
    """The whole handoff from the parts of `handoff_whole`: JSON without the package, the package without the snapshot.

    `snapshot` is its compressed JSON, as `snapshot.take` made it.
    """
    frozen = zlib.decompress(snapshot)
    packed = b'%s,"snapshot":%s}' % (package.encode()[:-1], frozen)
    return msgspec.json.decode(b'%s,"escalation_package":%s}' % (body.encode()[:-1], packed), type=Handoff)
