"""The tables of signing in beside a password: second factors, forgotten passwords, single sign-on, directories."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BYTEA, JSONB

from backend.db.tables import AT, ID, column, table

second_factor = table(
    "second_factor",
    column("user_id", ID),
    column("secret", BYTEA),
    column("created_at", AT),
    column("confirmed_at", AT),
    column("last_step", sa.BigInteger),
)
recovery_code = table(
    "recovery_code", column("user_id", ID), column("code_hash", BYTEA), column("created_at", AT), column("used_at", AT)
)
sign_in_step = table(
    "sign_in_step",
    column("user_id", ID),
    column("token_hash", BYTEA),
    column("method"),
    column("created_at", AT),
    column("expires_at", AT),
    column("used_at", AT),
)
password_request = table("password_request", column("email"), column("created_at", AT))
security_notice = table(
    "security_notice", column("user_id", ID), column("kind"), column("detail"), column("created_at", AT)
)
account_domain = table("account_domain", column("domain"), column("created_at", AT))
sso_connection = table(
    "sso_connection",
    column("issuer"),
    column("tenant"),
    column("client_id"),
    column("client_secret", BYTEA),
    column("role_claim"),
    column("role_map", JSONB),
    column("default_role"),
    column("active", sa.Boolean),
    column("created_at", AT),
    column("updated_at", AT),
)
sso_identity = table(
    "sso_identity",
    column("user_id", ID),
    column("issuer"),
    column("subject"),
    column("created_at", AT),
    column("last_used_at", AT),
)
sso_attempt = table(
    "sso_attempt",
    column("state_hash", BYTEA),
    column("browser_hash", BYTEA),
    column("next"),
    column("created_at", AT),
    column("expires_at", AT),
    column("used_at", AT),
)
scim_token = table(
    "scim_token",
    column("token_hash", BYTEA),
    column("label"),
    column("created_by", ID),
    column("created_at", AT),
    column("expires_at", AT),
    column("revoked_at", AT),
    column("last_used_at", AT),
)
