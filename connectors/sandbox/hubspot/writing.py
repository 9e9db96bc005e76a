"""What changes contacts through the API: checked first, carried out whole or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.sandbox.hubspot.call import Answer, Call, inputs, properties_of
from connectors.sandbox.hubspot.portal import Portal
from connectors.sandbox.hubspot.reading import MOST_INPUTS, Reading, batch_answer
from connectors.sandbox.hubspot.refusals import Refused, exists_already, invalid, not_found
from connectors.sandbox.hubspot.store import Contact
from connectors.sandbox.hubspot.values import Problem, backwards, kept, missing, refusal


@dataclass(slots=True)
class Plan:
    """One checked write. Without a contact it makes one."""

    contact: Contact | None
    values: dict[str, str]
    asked: list[str]
    trace: str = ""
    warnings: list[str] = field(default_factory=list)


class Claims:
    """Values of unique properties that earlier inputs of the same batch have taken."""

    def __init__(self) -> None:
        self._taken: dict[tuple[str, str], object] = {}

    def take(self, name: str, value: str, by: object) -> bool:
        """Whether the value was free, or is the same record's."""
        return self._taken.setdefault((name, value), by) == by


class Writing:
    """The write routes over a portal."""

    def __init__(self, portal: Portal, reading: Reading) -> None:
        self._portal, self._reading = portal, reading

    # one record

    def create(self, call: Call) -> Answer:
        """A new contact; 409 where the address is taken."""
        return 201, self._carry_out(call, self._plan(call, None, properties_of(call.data()), Claims()))

    def update(self, call: Call) -> Answer:
        """A changed contact; the id may be one that was merged away."""
        number, by = call.params["id"], call.query.get("idProperty", "")
        now = self._portal.now_ms()
        contact = self._reading.found_by(by, number) if by else self._portal.store.survivor(number, now)
        if contact is None:
            raise Refused(404, "resource not found", "OBJECT_NOT_FOUND")
        return 200, self._carry_out(call, self._plan(call, contact, properties_of(call.data()), Claims()))

    def archive(self, call: Call) -> Answer:
        """Nothing; the contact is in the recycle bin. An unknown id is no error."""
        contact = self._portal.store.get(call.params["id"], self._portal.now_ms())
        if contact:
            self._portal.archive(contact)
        return 204, None

    def erase(self, call: Call) -> Answer:
        """Nothing; the contact is gone for good and its addresses are refused, also one that nobody had."""
        data = call.data()
        number, by = data.get("objectId"), data.get("idProperty") or ""
        if not isinstance(number, str) or not isinstance(by, str):
            raise invalid("Invalid input JSON: some required fields were not set: [objectId]")
        contact = self._reading.found_by(by, number)
        if contact:
            self._portal.erase(contact)
        elif by == "email":
            self._portal.store.block(number)
        else:
            raise Refused(404, "resource not found", "OBJECT_NOT_FOUND")
        return 204, None

    def merge(self, call: Call) -> Answer:
        """The record that is left of two."""
        data = call.data()
        now = self._portal.now_ms()
        both = [
            self._portal.store.get(str(data.get(key)), now) for key in ("primaryObjectId", "objectIdToMerge")
        ]
        primary, other = both
        if primary is None or other is None or primary is other:
            raise invalid("a merge needs two different contacts that exist", "INVALID_MERGE")
        return 200, self._reading.record(
            self._portal.merge(primary, other, new_id=False), self._reading.shape(())
        )

    # many records

    def batch_create(self, call: Call) -> Answer:
        """New contacts."""
        given = inputs(call.data(), MOST_INPUTS)
        return self._batch(call, [(None, item) for item in given], [], clean=201)

    def batch_update(self, call: Call) -> Answer:
        """Changed contacts, by their own id: one that was merged away is not found here."""
        given = inputs(call.data(), MOST_INPUTS)
        ids = _ids(given)
        now = self._portal.now_ms()
        # [R] hubspot-api-nodejs issue 548: another idProperty finds nothing
        found = [
            None if item.get("idProperty") else self._portal.store.get(i, now)
            for i, item in zip(ids, given, strict=True)
        ]
        lost = [i for i, contact in zip(ids, found, strict=True) if contact is None]
        pairs = [(contact, item) for contact, item in zip(found, given, strict=True) if contact]
        return self._batch(call, list(pairs), lost)

    def batch_upsert(self, call: Call) -> Answer:
        """Contacts changed, or made where there was none, by a unique property."""
        given = inputs(call.data(), MOST_INPUTS)
        ids = _ids(given)
        names = [item.get("idProperty") for item in given]
        if not all(isinstance(name, str) and name for name in names):
            raise invalid("Invalid input JSON: some required fields were not set: [idProperty]")
        pairs: list[tuple[Contact | None, dict[str, Any]]] = []
        for number, name, item in zip(ids, names, given, strict=True):
            contact = self._reading.found_by(str(name), number)
            if contact is None and name == "hs_object_id":
                raise Refused(404, "resource not found", "OBJECT_NOT_FOUND", context={"ids": [number]})
            own = properties_of(item)
            pairs.append((contact, item if contact else {**item, "properties": {str(name): number, **own}}))
        return self._batch(call, pairs, [], whole="email" in names, new=True)

    def batch_archive(self, call: Call) -> Answer:
        """Nothing; the contacts are in the recycle bin."""
        for number in _ids(inputs(call.data(), MOST_INPUTS)):
            contact = self._portal.store.get(number, self._portal.now_ms())
            if contact:
                self._portal.archive(contact)
        return 204, None

    def _batch(
        self,
        call: Call,
        pairs: list[tuple[Contact | None, dict[str, Any]]],
        lost: list[str],
        clean: int = 200,
        whole: bool = False,
        new: bool = False,
    ) -> Answer:
        """Everything that can be written, and errors for the rest.

        Without a trace id of its own on each input, or with `whole`, one bad input refuses all.
        """
        settings, started = self._portal.settings, self._portal.now_ms()
        traces = [item.get("objectWriteTraceId") or "" for _, item in pairs]
        apart = settings["trace_ids"] == "honoured" and all(traces) and len(set(traces)) == len(traces)
        plans: list[Plan] = []
        errors: list[dict[str, Any]] = []
        claims = Claims()
        for (contact, item), trace in zip(pairs, traces, strict=True):
            try:
                plan = self._plan(call, contact, properties_of(item), claims)
                plan.trace = str(trace)
                plans.append(plan)
            except Refused as refused:
                if not apart or whole:
                    raise exists_already(None) if refused.status == 409 else refused from None
                errors.append(refused.item(objectWriteTraceId=[str(trace)]))
        results = [self._carry_out(call, plan, new) for plan in plans]
        if lost and not settings["empty_207"]:
            errors.append(not_found(lost).item())
        if settings["shuffle"]:
            self._portal.dice.shuffle(results)
        mixed = 207 if not call.dated else clean if settings["dated_batch_status"] == 200 else 207
        quiet = mixed if lost and settings["empty_207"] else clean
        return batch_answer(results, errors, started, self._portal.now_ms(), quiet, mixed)

    # how a write is checked and done

    def _plan(
        self, call: Call, contact: Contact | None, properties: Mapping[str, str], claims: Claims
    ) -> Plan:
        """The write, checked.

        Raises:
            Refused: 400 or 409, nothing of it can be written.
        """
        current = contact.values if contact else {}
        values = self._checked(properties, current)
        self._check_unique(contact, values, claims)
        broken = self._broken_rules(current, values, creating=contact is None)
        if broken and call.dated:
            text = ", ".join(broken)
            raise refusal(
                [Problem(n, "REQUIRED_PROPERTY_MISSING", f"{text} must be set") for n in broken], len(broken)
            )
        for name in self._portal.settings["deaf"]:
            values.pop(name, None)
        warnings = [f"{name} is required by this account's rules" for name in broken]
        return Plan(contact, values, list(properties), warnings=warnings)

    def _checked(self, properties: Mapping[str, str], current: Mapping[str, str]) -> dict[str, str]:
        settings = self._portal.settings
        values: dict[str, str] = {}
        problems: list[Problem] = []
        for name, given in properties.items():
            definition = self._portal.catalogue.get(name)
            before = current.get(name, "")
            value = kept(definition, given, before) if definition else missing(name)
            if isinstance(value, Problem):
                problems.append(value)
            elif (
                name == "lifecyclestage"
                and backwards(before, value)
                and settings["lifecycle_backwards"] != "allow"
            ):
                if settings["lifecycle_backwards"] == "reject":
                    message = f"lifecyclestage cannot be moved back from {before} to {value}"
                    problems.append(Problem(name, "INVALID_LIFECYCLE_STAGE", message))
            else:
                values[name] = value
        if problems:
            raise refusal(problems, settings["errors_shown"])
        return values

    def _check_unique(self, contact: Contact | None, values: Mapping[str, str], claims: Claims) -> None:
        me = contact.id if contact else object()
        store = self._portal.store
        emails = [values.get("email", ""), *values.get("hs_additional_emails", "").split(";")]
        for email in filter(None, emails):
            owner = store.owner_of(email)
            if store.is_blocked(email):
                raise refusal([Problem("email", "EMAIL_BLOCKED", "the address was deleted for privacy")], 1)
            if (owner is not None and owner != me) or not claims.take("email", email, me):
                raise exists_already(owner)
        for name in store.unique.keys() & values.keys():
            owner = store.owner(name, values[name])
            taken = owner is not None and owner != me
            if values[name] and (taken or not claims.take(name, values[name], me)):
                message = f"another contact already has that value of {name}"
                raise refusal([Problem(name, "CONFLICTING_UNIQUE_VALUE", message)], 1)

    def _broken_rules(
        self, current: Mapping[str, str], values: Mapping[str, str], creating: bool
    ) -> list[str]:
        """Properties that the account's rules want and that would be blank after the write.

        A rule is looked at where the write creates, sets what the rule depends on, or blanks what it wants.
        """
        after = {**current, **values}
        broken = []
        for rule in self._portal.settings["write_rules"]:
            when, wanted = rule.get("when", {}), rule["require"]
            concerned = creating or wanted in values or any(name in values for name in when)
            if rule.get("on_create") and not creating:
                continue
            if concerned and not after.get(wanted) and all(after.get(n, "") == v for n, v in when.items()):
                broken.append(wanted)
        return broken

    def _carry_out(self, call: Call, plan: Plan, new: bool = False) -> dict[str, Any]:
        if plan.contact is None:
            contact = self._portal.add(plan.values, call.source)
            blank = Contact(contact.id, {}, contact.created_ms, contact.modified_ms)
            self._portal.account_for(blank, {n: v for n, v in plan.values.items() if v}, call.source)
        else:
            contact = plan.contact
            self._portal.account_for(contact, plan.values, call.source)
            self._portal.set(contact, plan.values, call.source)
        shown = self._reading.record(contact, self._reading.shape(plan.asked), plan.trace)
        if new:
            shown["new"] = plan.contact is None
        if plan.warnings:
            shown["warnings"] = plan.warnings
        return shown


def _ids(given: list[dict[str, Any]]) -> list[str]:
    """The ids of a batch, no two alike.

    Raises:
        Refused: 400.
    """
    ids = [item.get("id") for item in given]
    if not all(isinstance(i, str) and i for i in ids):
        raise invalid("Invalid input JSON: some required fields were not set: [id]")
    told = [str(i) for i in ids]
    twice = sorted(i for i, count in Counter(told).items() if count > 1)
    if twice:
        message = f"Duplicate IDs found in batch input: [{', '.join(twice)}]. IDs must be unique"
        raise Refused(400, message, context={"ids": twice})
    return told
