"""An account's settings."""

from datetime import UTC, datetime
from functools import cache
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.audit.record import record
from backend.contract.baseline import NewBaseline
from backend.contract.people import AccountSettings, AccountSettingsPatch
from backend.contract.policy import EscalationPolicy
from backend.contract.vocabulary import Role
from backend.db.engine import Database
from backend.db.tables import AnyRow
from backend.domain.policy import PolicyError, document, parse, stored
from backend.domain.policy_changes import changes as changed_parts
from backend.domain.refusal import Refusal
from backend.domain.roles import at_least
from backend.identity import baselines, repository
from backend.identity.caller import Caller
from backend.jobs.job import TOPIC


def _refuse(field: str, why: str) -> Refusal:
    return Refusal("invalid_body", f"`{field}` {why}.", field=field)


def _checked(patch: AccountSettingsPatch) -> dict[str, object]:
    """The columns to write."""
    changes: dict[str, object] = {}
    for field in ("analytics_names_for_seniors", "analytics_small_groups"):
        if getattr(patch, field) is not None:
            changes[field] = getattr(patch, field)
    if patch.timezone is not None:
        if patch.timezone not in _zones():
            raise _refuse("timezone", "must be an IANA time zone such as Europe/London")
        changes["timezone"] = patch.timezone
    if patch.escalation_policy is not None:
        changes["escalation_policy"] = _policy(patch.escalation_policy)
    if patch.ai_enabled is not None:
        changes["ai_enabled"] = patch.ai_enabled
    return changes | _kept(patch) | _email(patch)


def _kept(patch: AccountSettingsPatch) -> dict[str, object]:
    changes: dict[str, object] = {}
    for field, shortest in (("retention_days", 30), ("log_retention_days", 14)):
        days = getattr(patch, field)
        if days is not None:
            if not shortest <= days <= 3_650:
                raise _refuse(field, f"must be {shortest} to 3650 days")
            changes[field] = days
    return changes


def _email(patch: AccountSettingsPatch) -> dict[str, object]:
    changes: dict[str, object] = {}
    if patch.email_content is not None:
        changes["email_content"] = patch.email_content
    if patch.email_offline_delay_s is not None:
        if not 0 <= patch.email_offline_delay_s <= 300:
            raise _refuse("email_offline_delay_s", "must be 0 to 300 seconds")
        changes["email_offline_delay_s"] = patch.email_offline_delay_s
    return changes


@cache
def _zones() -> frozenset[str]:
    """Zones that both we and PostgreSQL know; `localtime` and `Factory` are places of this machine only."""
    return frozenset(available_timezones() - {"localtime", "Factory"})


def _policy(given: dict[str, object]) -> dict[str, object]:
    """What to keep of a policy: the parts that were written, as they are understood; the rest follows the defaults."""
    try:
        whole = document(parse(given))
    except PolicyError as error:
        raise Refusal("invalid_body", error.text, field=_place(error.field)) from error
    return {part: whole[part] for part in given}


def _place(within: str) -> str:
    return f"escalation_policy.{within}" if within else "escalation_policy"


async def _check_people(tx: AsyncConnection, account_id: UUID, policy: EscalationPolicy) -> None:
    """Who is named in a step is there to be alerted, and may claim."""
    for position, step in enumerate(policy.steps):
        if step.user_id is None:
            continue
        role = await repository.user_role(tx, account_id, UUID(step.user_id))
        if role is None or not at_least(cast("Role", role), "engineer"):
            place = f"steps[{position}].user_id"
            raise Refusal(
                "invalid_body",
                f"`{place}` must be an active person of this account who may claim.",
                field=_place(place),
            )


async def _note(tx: AsyncConnection, caller: Caller, before: AnyRow, changes: dict[str, object]) -> None:
    """One audit entry for each part that was changed, with what it was and what it is."""
    parts: dict[str, dict[str, object]] = {}
    for column, value in changes.items():
        was = getattr(before, column)
        if was == value:
            continue
        if column == "escalation_policy":
            differences = changed_parts(stored(was), stored(cast("dict[str, Any]", value)))
            if differences:
                parts["policy.changed"] = {"changed": differences}
            continue
        part = "email.changed" if column.startswith("email_") else "settings.changed"
        parts.setdefault(part, {})[column] = f"{was} to {value}"
    for action, detail in parts.items():
        await record(tx, caller, action, "", detail)


class AccountService:
    """Reads for everyone in the account, writes for administrators."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def settings(self, caller: Caller) -> AccountSettings:
        """The account's settings."""
        async with self._db.tenant(caller.account_id) as tx:
            row = await repository.settings(tx, caller.account_id)
            baseline = (await baselines.load(tx, caller.account_id)).at(datetime.now(UTC))
        return AccountSettings(
            manual_baseline_minutes=baseline.minutes if baseline else None,
            manual_baseline_is_estimate=baseline is not None and baseline.origin == "product",
            timezone=row.timezone,
            escalation_policy=stored(row.escalation_policy),
            retention_days=row.retention_days,
            log_retention_days=row.log_retention_days,
            email_content=row.email_content,
            email_offline_delay_s=row.email_offline_delay_s,
            ai_enabled=row.ai_enabled,
            analytics_names_for_seniors=row.analytics_names_for_seniors,
            analytics_small_groups=row.analytics_small_groups,
        )

    async def change(self, caller: Caller, patch: AccountSettingsPatch, given: set[str]) -> AccountSettings:
        """Write what the body named (`given`), answer all. A baseline is added as a version; null says there is none.

        With another policy or time zone every open handoff looks at its plan again.
        """
        caller.require("admin")
        changes = _checked(patch)
        minutes = baselines.checked_minutes(patch.manual_baseline_minutes, "manual_baseline_minutes")
        new_baseline = "manual_baseline_minutes" in given
        if not changes and not new_baseline:
            return await self.settings(caller)
        replan = not changes.keys().isdisjoint(("escalation_policy", "timezone"))
        async with self._db.tenant(caller.account_id) as tx:
            if patch.escalation_policy is not None:
                await _check_people(tx, caller.account_id, parse(patch.escalation_policy))
            before = await repository.settings(tx, caller.account_id)
            if changes:
                await repository.update_settings(tx, caller.account_id, changes)
                await _note(tx, caller, before, changes)
            if new_baseline:
                zone = ZoneInfo(patch.timezone or caller.timezone)
                await baselines.add(tx, caller, NewBaseline(minutes=minutes), zone)
            if replan:
                await repository.replan(tx, caller.account_id)
        if replan:
            self._db.wakeup.touch(TOPIC)
        return await self.settings(caller)
