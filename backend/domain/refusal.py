"""The one way a service says no.

Refusal
└── carries a stable `code` (backend.contract.problems), one plain sentence for people, and extension members.

The HTTP edge turns it into problem+json; the command line prints `detail` and exits 2.
"""

from backend.contract.problems import Code


class Refusal(Exception):  # noqa: N818 - an answer, not an error in the program
    """A request that is understood and not carried out; nothing was written."""

    def __init__(self, code: Code, detail: str, **extensions: object) -> None:
        """`extensions` become members of the problem document; values must be JSON-encodable."""
        super().__init__(detail)
        self.code: Code = code
        self.detail = detail
        self.extensions = extensions
