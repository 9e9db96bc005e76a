"""How long a vendor asks us to wait, in whatever form it says so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.connector import Answer
from syncd.connector.wire import DOUBTFUL_WAIT_S, LONGEST_WAIT_S
from tests.fuzz.odd import many

SENT = "Wed, 21 Oct 2026 07:28:00 GMT"


def asked(retry_after: str, date: str = SENT) -> float | None:
    return Answer(429, {"retry-after": retry_after, "date": date}, b"").retry_after_s()


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("12", 12.0),
        ("0.5", 0.5),
        ("Wed, 21 Oct 2026 07:29:00 GMT", 60.0),
        ("Wed, 21 Oct 2026 07:27:00 GMT", 0.0),
        ("-5", 0.0),
        ("259200", 259_200.0),
        ("2678400", LONGEST_WAIT_S),
        ("Sun, 01 Nov 2026 00:00:00 GMT", 923_520.0),
        ("1792567680", DOUBTFUL_WAIT_S),
        ("1e300", DOUBTFUL_WAIT_S),
        ("inf", DOUBTFUL_WAIT_S),
        ("Fri, 31 Dec 9999 23:59:59 GMT", DOUBTFUL_WAIT_S),
        ("nan", None),
        ("soon", None),
        ("", None),
        ("Wed, 21 Oct 2026 07:29:00 -0000", None),
    ],
)
def test_a_wait_is_a_number_a_date_or_unknown(said: str, seconds: float | None) -> None:
    assert asked(said) == seconds


@many(100)
@given(st.text(max_size=60), st.text(max_size=60) | st.just(SENT))
def test_no_header_breaks_anything(said: str, date: str) -> None:
    told = asked(said, date)
    assert told is None or 0 <= told <= LONGEST_WAIT_S
