"""Escalate, queue, claim and everything that happens to a handoff."""
