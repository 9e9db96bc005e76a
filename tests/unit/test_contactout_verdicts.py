"""A verifier's grade belongs to the address that was asked about, whoever found it."""

from __future__ import annotations

from syncd.model import Field, KeyKind, Quality
from tests.unit.contactout_support import ask, dressed, email, found
from tests.unit.judging_support import answer, decided, policy, record, rule, value, writes

OWN, OTHERS = "own@northbeam.example", "others@northbeam.example"


def test_the_grade_of_an_address_names_the_address() -> None:
    body = dressed("verify")
    body["data"]["status"] = "valid"
    checked = found(ask("verify", body, email(OTHERS.upper(), KeyKind.FOUND_EMAIL))[0])
    assert checked.identity.emails == (OTHERS,)


def test_a_verified_address_of_another_provider_does_not_make_the_own_one_verified() -> None:
    body = dressed("verify")
    body["data"]["status"] = "valid"
    checked = found(ask("verify", body, email(OTHERS, KeyKind.FOUND_EMAIL))[0])
    own = answer(value(Field.WORK_EMAIL, OWN, Quality.UNKNOWN), account="alpha")
    others = answer(value(Field.WORK_EMAIL, OTHERS, Quality.UNKNOWN), account="beta")
    grade = answer(account="alpha", identity=checked.identity, graded=checked.graded)
    wanted = policy(rule(Field.WORK_EMAIL, "work_email", accept=Quality.VERIFIED))
    assert writes(decided(record(), wanted, own, others, grade)) == {"work_email": OTHERS}
