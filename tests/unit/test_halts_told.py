"""How people read what is stopped at present."""

from datetime import UTC, datetime
from typing import Any

from syncd.cli.telling import stopped
from syncd.overview import halt_of
from syncd.store.engine import MILLION
from syncd.store.runs import Halt

NOON = round(datetime(2026, 5, 4, 12, tzinfo=UTC).timestamp()) * MILLION
SECOND, HOUR = MILLION, 3600 * MILLION
REFUSED = "no access: HTTP 403"


def halted(scope: str, reason: str = REFUSED, until_us: int | None = NOON) -> dict[str, Any]:
    """A halt as `status` and `explain` have it; without an end, a person ends it."""
    return halt_of(Halt(scope, "no_access", reason, NOON - HOUR, until_us))


def test_operations_of_one_account_that_stopped_for_one_reason_share_a_line() -> None:
    names = ("company", "contact_phone", "contact_work")
    assert stopped([halted(f"alpha/{name}") for name in names]) == [
        f"3 operations of alpha, from company to contact_work ({REFUSED}), until 2026-05-04T12:00"
    ]


def test_moments_of_one_minute_are_one_end() -> None:
    shortly_after = [halted("alpha/company"), halted("alpha/person", until_us=NOON + 59 * SECOND)]
    assert len(stopped(shortly_after)) == 1
    assert len(stopped([*shortly_after, halted("alpha/search", until_us=NOON + 60 * SECOND)])) == 2


def test_an_operation_that_stopped_alone_is_named() -> None:
    assert stopped([halted("alpha/company")]) == [f"alpha/company ({REFUSED}), until 2026-05-04T12:00"]


def test_other_accounts_and_other_reasons_have_lines_of_their_own() -> None:
    halts = [halted("alpha/company"), halted("alpha/person", "paused by the vendor"), halted("beta/company")]
    assert stopped(halts) == [
        f"alpha/company ({REFUSED}), until 2026-05-04T12:00",
        "alpha/person (paused by the vendor), until 2026-05-04T12:00",
        f"beta/company ({REFUSED}), until 2026-05-04T12:00",
    ]


def test_what_a_person_ends_says_how_each_by_itself_and_first() -> None:
    halts = [
        halted("alpha/company"),
        halted("alpha/person", "told to", None),
        halted("alpha/phone", "told to", None),
        halted("sync:leads", "canary: a value is not what was sent", None),
    ]
    assert stopped(halts) == [
        "alpha/person (told to); `syncd resume alpha/person`",
        "alpha/phone (told to); `syncd resume alpha/phone`",
        "sync:leads (canary: a value is not what was sent); `syncd resume sync:leads`",
        f"alpha/company ({REFUSED}), until 2026-05-04T12:00",
    ]


def test_a_whole_account_that_goes_on_by_itself_is_told_with_its_end() -> None:
    assert stopped([halted("alpha"), halted("alpha/company")]) == [
        f"alpha ({REFUSED}), until 2026-05-04T12:00",
        f"alpha/company ({REFUSED}), until 2026-05-04T12:00",
    ]


def test_where_nothing_is_stopped_nothing_is_said() -> None:
    assert stopped([]) == []
