"""SCIM 2.0 (RFC 7643, 7644): an account's directory keeps its people in step, so that leavers are gone."""
