"""Outgoing webhooks: channel notices to other systems, signed, retried, logged."""
