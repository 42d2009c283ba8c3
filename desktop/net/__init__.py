"""Talking to the server: HTTP calls and the event stream's socket."""
