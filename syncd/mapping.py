"""Whether a sync's mapping fits what the CRM's object has."""

from __future__ import annotations

from collections.abc import Mapping

from syncd.model import Field, FieldInfo, SyncPolicy

NUMBERS = frozenset({Field.COMPANY_SIZE, Field.COMPANY_FOUNDED, Field.COMPANY_REVENUE})


def unusable(policy: SyncPolicy, schema: Mapping[str, FieldInfo]) -> list[str]:
    """What of a sync's mapping the CRM cannot do, one sentence each."""
    wrong = []
    for name in policy.inputs:
        if name not in schema:
            wrong.append(f"syncs.{policy.name} reads the property {name}, which {policy.crm} does not have")
    for wanted in policy.fields:
        info = schema.get(wanted.to)
        if info is None:
            wrong.append(
                f"syncs.{policy.name}.fields.{wanted.field.value} is written to {wanted.to}, which {policy.crm} does not have"
            )
        elif not info.writable:
            why = f" ({info.why_read_only})" if info.why_read_only else ""
            wrong.append(
                f"syncs.{policy.name}.fields.{wanted.field.value} is written to {wanted.to}, which is read-only{why}"
            )
        elif info.type in ("date", "datetime", "bool") or (
            info.type == "number" and wanted.field not in NUMBERS
        ):
            wrong.append(
                f"syncs.{policy.name}.fields.{wanted.field.value} is written to {wanted.to}, "
                f"which holds a {info.type}, not text"
            )
    return wrong
