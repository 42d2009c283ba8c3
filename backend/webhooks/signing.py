"""The secret that a receiver checks notices with.

The server must be able to sign at any time, so it must be able to read the secret. Rather than keep it, the server
derives it from FLOWPILOT_SECRET_KEY, the webhook and a random salt each time it signs: a copy of the database alone
forges nothing, there is nothing to encrypt, and no further library is needed. The price: with another
FLOWPILOT_SECRET_KEY every webhook has another secret. `webhook.secret_hash` (of 256 unguessable bits) notices that, and
nothing is sent under a signature that the receiver could not verify.
"""

import base64
import hashlib
import hmac
from uuid import UUID

PREFIX = "whsec_"
"""What secret scanners can look for."""


def derive_secret(key: str, account_id: UUID, webhook_id: UUID, salt: bytes) -> str:
    """The webhook's secret, as it was shown once."""
    material = b"webhook:" + account_id.bytes + webhook_id.bytes + salt
    return PREFIX + base64.urlsafe_b64encode(hmac.digest(key.encode(), material, hashlib.sha256)).decode().rstrip("=")


def fingerprint(secret: str) -> bytes:
    """What the database keeps of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """The value of `FlowPilot-Signature`: HMAC-SHA256 over `{timestamp}.{body}`, the secret's text as the key."""
    return "v1=" + hmac.new(secret.encode(), b"%d." % timestamp + body, hashlib.sha256).hexdigest()
