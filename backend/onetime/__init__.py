"""Secrets that one person may see, once."""
