"""Outgoing webhooks: an account's events told to Microsoft Teams, Slack or any HTTPS address, signed and retried."""
