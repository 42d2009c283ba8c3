"""Connectors as an account has set them up: credentials sealed and opened, one live connection kept for each."""

import hashlib
from collections.abc import Mapping
from typing import Final
from uuid import UUID

import orjson

from backend.contract.psa import PsaSystem
from backend.db.tables import AnyRow
from backend.psa.calls import Calls
from backend.psa.port import Limits, Psa, RefusedError
from backend.psa.systems import SYSTEMS, build
from backend.sealed import Sealer, UnsealError
from backend.settings import Settings
from backend.webhooks.target import Resolve

_KEPT: Final = 200


class Connections:
    """Opens connectors. Tokens and addresses that a PSA told are remembered until the connector is changed."""

    def __init__(
        self,
        sealer: Sealer,
        *,
        allow_private: bool,
        limits: Limits | None = None,
        resolve: Resolve | None = None,
        timeout_s: float | None = None,
    ) -> None:
        self._sealer = sealer
        self._allow_private = allow_private
        self._limits = limits
        self._resolve = resolve
        self._timeout_s = timeout_s
        self._open: dict[tuple[UUID, bytes], tuple[Psa, Calls]] = {}

    @classmethod
    def of(cls, settings: Settings) -> "Connections":
        """As the installation is set up."""
        return cls(Sealer.build(settings), allow_private=settings.webhook_allow_private == "on")

    def limits(self, system: PsaSystem) -> Limits:
        """How often that PSA may be asked."""
        return self._limits or SYSTEMS[system].limits

    def seal(self, account_id: UUID, connector_id: UUID, what: str, secret: bytes) -> bytes:
        """Seal the credentials or the hook secret of a connector."""
        return self._sealer.seal(secret, account_id=account_id, purpose=f"psa {what} {connector_id}")

    def unseal(self, account_id: UUID, connector_id: UUID, what: str, sealed: bytes) -> bytes:
        """Raises RefusedError, whose remedy tells an administrator what to do."""
        try:
            return self._sealer.open(sealed, account_id=account_id, purpose=f"psa {what} {connector_id}")
        except UnsealError as error:
            raise RefusedError(
                "The connector's credentials cannot be read.", remedy=str(error), about="connector"
            ) from error

    def secrets(self, row: AnyRow) -> dict[str, str]:
        """The connector's secret fields."""
        opened: dict[str, str] = orjson.loads(self.unseal(row.account_id, row.id, "credentials", row.credentials))
        return opened

    def connect(self, row: AnyRow) -> tuple[Psa, Calls]:
        """The connection of a row of `psa_connector`. Raises RefusedError."""
        plain = orjson.dumps(row.fields, option=orjson.OPT_SORT_KEYS)
        key = (row.id, hashlib.sha256(plain + row.credentials).digest())
        if key not in self._open:
            if len(self._open) >= _KEPT:
                self._open.pop(next(iter(self._open)))
            self._open[key] = self.fresh(row.system, {**row.fields, **self.secrets(row)})
        return self._open[key]

    def fresh(self, system: PsaSystem, values: Mapping[str, str]) -> tuple[Psa, Calls]:
        """A connection with these values, which nothing else uses."""
        return build(
            system,
            values,
            allow_private=self._allow_private,
            limits=self._limits,
            resolve=self._resolve,
            timeout_s=self._timeout_s,
        )
