"""Preflight: everything that can be asked for free before a first run, one finding per problem."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from syncd.accounts import CrmAccount, ProviderAccount
from syncd.config import Problem, Settings, Severity
from syncd.connector import Failure
from syncd.mapping import unusable
from syncd.model import Field, FieldInfo, SyncPolicy
from syncd.refusals import WrongAccount, failure_advice
from syncd.runtime import Runtime, identify

CLOCK_S = 60.0
NARROW = {
    Field.WORK_EMAIL: 60,
    Field.PERSONAL_EMAIL: 60,
    Field.MOBILE_PHONE: 16,
    Field.DIRECT_PHONE: 16,
    Field.PHONE: 16,
    Field.JOB_TITLE: 80,
    Field.COMPANY_NAME: 80,
    Field.LINKEDIN_URL: 100,
}
"""Characters that a value of a field may well need."""


@dataclass
class Preflight:
    """Asks every account of a configuration. Nothing is spent and nothing is written."""

    settings: Settings
    runtime: Runtime

    def problems(self) -> list[Problem]:
        """What is wrong, with the place in the file and what to do."""
        return [*self._crms(), *self._providers()]

    # CRMs

    def _crms(self) -> Iterator[Problem]:
        for name, crm in self.runtime.crms.items():
            syncs = [p for p in self.runtime.policies.values() if p.crm == name]
            try:
                identify(self.runtime, crm)
            except WrongAccount as wrong:
                yield self._problem("crm.account", str(wrong), "crms", name, "account")
                continue
            except Failure as failure:
                yield self._failed("crms", name, failure)
                continue
            yield from self._clock(crm)
            for policy in syncs:
                yield from self._mapping(crm, policy)

    def _clock(self, crm: CrmAccount) -> Iterator[Problem]:
        try:
            apart = crm.connector.now() - self.runtime.clock()
        except Failure:
            return
        if abs(apart) > timedelta(seconds=CLOCK_S):
            yield self._problem(
                "clock.apart",
                f"this machine's clock and that of crms.{crm.name} are {abs(apart).total_seconds():.0f} s apart",
                "crms",
                crm.name,
                hint="set the clock (timedatectl set-ntp true)",
                severity=Severity.WARNING,
            )

    def _mapping(self, crm: CrmAccount, policy: SyncPolicy) -> Iterator[Problem]:
        try:
            schema = crm.connector.schema(policy.object)
        except Failure as failure:
            yield self._failed("crms", crm.name, failure)
            return
        for sentence in unusable(policy, dict(schema)):
            yield self._problem(
                "sync.property",
                sentence,
                "syncs",
                policy.name,
                hint="correct the property's name, make it writable in the CRM, or take the field out",
            )
        for wanted in policy.fields:
            yield from self._width(policy, wanted.field, schema.get(wanted.to))

    def _width(self, policy: SyncPolicy, field: Field, info: FieldInfo | None) -> Iterator[Problem]:
        needed = NARROW.get(field, 0)
        if info is None or info.max_length is None or info.max_length >= needed:
            return
        yield self._problem(
            "sync.narrow",
            f"{info.name} holds {info.max_length} characters; a {field.value} may need {needed}, "
            "and longer ones are not written",
            "syncs",
            policy.name,
            "fields",
            field.value,
            hint="map it to a wider property",
            severity=Severity.WARNING,
        )

    # providers

    def _providers(self) -> Iterator[Problem]:
        for account in self.runtime.providers.values():
            failure = self._asked(account)
            if failure is not None:
                yield self._failed("providers", account.name, failure)
                continue
            yield from self._balances(account)

    def _asked(self, account: ProviderAccount) -> Failure | None:
        try:
            account.connector.check(account.line)
        except Failure as failure:
            return self.runtime.standing.settle_doubt(account, failure)
        return None

    def _balances(self, account: ProviderAccount) -> Iterator[Problem]:
        try:
            balance = account.connector.balance(account.line, self.runtime.clock())
        except Failure as failure:
            yield self._failed("providers", account.name, failure)
            return
        for kind in sorted(account.budgeted - account.connector.unreported):
            pool = balance.pools.get(kind)
            if pool is None or pool.remaining is None:
                text = (
                    f"{account.name} does not tell how many {kind} credits are left; nothing is spent of them"
                )
            elif pool.remaining <= 0:
                text = f"{account.name} has no {kind} credits left"
            else:
                continue
            at = ("providers", account.name, "budgets", kind)
            yield self._problem("provider.balance", text, *at, severity=Severity.WARNING)

    def _failed(self, section: str, name: str, failure: Failure) -> Problem:
        advice = failure_advice(f"{section}.{name}", failure)
        return self._problem(f"online.{failure.kind.value}", advice, section, name)

    def _problem(
        self, code: str, text: str, *at: str, hint: str = "", severity: Severity = Severity.ERROR
    ) -> Problem:
        return self.settings.problem(code, text, *at, hint=hint, severity=severity)
