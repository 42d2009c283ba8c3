"""What the feed tells of its clients, without knowing who keeps it."""

from typing import Protocol
from uuid import UUID

from backend.contract.events import Holding, Receipt
from backend.contract.vocabulary import Channel
from backend.identity.caller import Caller


class Audience(Protocol):
    """Who has a client open, and what their clients say they showed. Implemented by delivery."""

    async def arrived(self, caller: Caller, channel: Channel, link_id: UUID) -> None:
        """A client has connected."""

    async def left(self, caller: Caller, link_id: UUID) -> None:
        """It is gone."""

    async def asking(self, caller: Caller, channel: Channel, holding: Holding) -> None:
        """A client without a connection asks for news, and will show them to its user, or holds them back."""

    async def holds(self, caller: Caller, link_id: UUID, holding: Holding) -> None:
        """It holds alerts back from now on, or shows them again."""

    async def receipt(self, caller: Caller, channel: Channel, receipt: Receipt) -> None:
        """It showed an alert, or says why not. Raises what the database raises when that could not be kept."""
