"""Runbooks: what the account's own people wrote down to do, found by full-text search."""
