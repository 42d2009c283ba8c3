"""The wire, defined once.

Frozen dataclasses only: FastAPI validates them with pydantic on the server, the desktop decodes them with msgspec.
Nothing here imports a framework, so that the desktop can import it without growing.
"""
