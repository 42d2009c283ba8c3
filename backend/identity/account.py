"""An account's settings."""

import json
from functools import cache
from typing import Final
from zoneinfo import available_timezones

from backend.contract.people import AccountSettings, AccountSettingsPatch
from backend.db.engine import Database
from backend.domain.refusal import Refusal
from backend.identity import repository
from backend.identity.caller import Caller

_POLICY_BYTES: Final = 16_384
_POLICY_DEPTH: Final = 10
"""Deeper than this no encoder on the way out needs to go; one of them stops at a few hundred."""


def _refuse(field: str, why: str) -> Refusal:
    return Refusal("invalid_body", f"`{field}` {why}.", field=field)


def _checked(patch: AccountSettingsPatch, given: set[str]) -> dict[str, object]:
    """The columns to write; only what the body named."""
    changes: dict[str, object] = {}
    if "manual_baseline_minutes" in given:
        minutes = patch.manual_baseline_minutes
        if minutes is not None and not 0.5 <= minutes <= 480:
            raise _refuse("manual_baseline_minutes", "must be 0.5 to 480 minutes")
        changes |= {"manual_baseline_minutes": minutes, "baseline_is_estimate": False}
    if patch.timezone is not None:
        if patch.timezone not in _zones():
            raise _refuse("timezone", "must be an IANA time zone such as Europe/London")
        changes["timezone"] = patch.timezone
    if patch.escalation_policy is not None:
        _check_policy(patch.escalation_policy)
        changes["escalation_policy"] = patch.escalation_policy
    if patch.retention_days is not None:
        if not 30 <= patch.retention_days <= 3_650:
            raise _refuse("retention_days", "must be 30 to 3650 days")
        changes["retention_days"] = patch.retention_days
    return changes


@cache
def _zones() -> frozenset[str]:
    """Zones that both we and PostgreSQL know; `localtime` and `Factory` are places of this machine only."""
    return frozenset(available_timezones() - {"localtime", "Factory"})


def _deeper_than(value: object, most: int) -> bool:
    """True when lists and objects stand within each other more than `most` deep. Needs no deep stack itself."""
    level = [value]
    for _ in range(most):
        level = [inside for one in level for inside in _children(one)]
    return any(isinstance(one, dict | list) for one in level)


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _check_policy(policy: dict[str, object]) -> None:
    if _deeper_than(policy, _POLICY_DEPTH):
        raise _refuse("escalation_policy", f"must not be nested more than {_POLICY_DEPTH} deep")
    try:
        text = json.dumps(policy, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise _refuse("escalation_policy", "holds what JSON in a database cannot carry") from error
    if len(text) > _POLICY_BYTES:
        raise _refuse("escalation_policy", f"must stay under {_POLICY_BYTES} bytes")
    if b"\\u0000" in text:
        raise _refuse("escalation_policy", "holds a NUL character, which cannot be kept")


class AccountService:
    """Reads for everyone in the account, writes for administrators."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def settings(self, caller: Caller) -> AccountSettings:
        """The account's settings."""
        async with self._db.tenant(caller.account_id) as tx:
            row = await repository.settings(tx, caller.account_id)
        return AccountSettings(
            manual_baseline_minutes=row.manual_baseline_minutes,
            manual_baseline_is_estimate=row.baseline_is_estimate,
            timezone=row.timezone,
            escalation_policy=row.escalation_policy,
            retention_days=row.retention_days,
        )

    async def change(self, caller: Caller, patch: AccountSettingsPatch, given: set[str]) -> AccountSettings:
        """Write what the body named (`given`), answer all. An explicit null clears the baseline."""
        caller.require("admin")
        changes = _checked(patch, given)
        if changes:
            async with self._db.tenant(caller.account_id) as tx:
                await repository.update_settings(tx, caller.account_id, changes)
        return await self.settings(caller)
