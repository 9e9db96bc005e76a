"""Boolean equations of ContactOut's search filters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sandbox.contactout.boolean import BadEquation, parse


@pytest.mark.parametrize(
    ("equation", "present", "holds"),
    [
        ("(ReactJS AND Python) NOT Java", {"ReactJS", "Python"}, True),
        ("(ReactJS AND Python) NOT Java", {"ReactJS", "Python", "Java"}, False),
        ("(ReactJS AND Python) NOT Java", {"ReactJS"}, False),
        ("a OR b AND c", {"a"}, True),
        ("(a OR b) AND c", {"a"}, False),
        ("NOT a OR b", {"a", "b"}, True),
        ("NOT (a OR b)", {"b"}, False),
        ("Network Security OR Networking", {"Network Security"}, True),
        ("Network Security", {"Network", "Security"}, False),
        ("and or not", {"and or not"}, True),
    ],
)
def test_an_equation_holds_as_its_brackets_and_operators_say(
    equation: str, present: set[str], holds: bool
) -> None:
    assert parse(equation)(present.__contains__) is holds


@pytest.mark.parametrize(
    "equation", ["", "(", "a AND", "AND a", "(a", "a)", "a OR OR b", "NOT", "()", "(" * 9999]
)
def test_an_equation_that_does_not_fit_together_is_refused(equation: str) -> None:
    with pytest.raises(BadEquation):
        parse(equation)


formulas = st.recursive(
    st.sampled_from("abcd"),
    lambda inner: st.one_of(
        st.tuples(st.just("NOT"), inner),
        st.tuples(inner, st.sampled_from(["AND", "OR"]), inner),
    ),
    max_leaves=12,
)


def written(formula: object) -> str:
    match formula:
        case tuple(parts):
            return f"({' '.join(map(written, parts))})"
    return str(formula)


def value(formula: object, present: set[str]) -> bool:
    match formula:
        case ("NOT", inner):
            return not value(inner, present)
        case (left, "AND", right):
            return value(left, present) and value(right, present)
        case (left, "OR", right):
            return value(left, present) or value(right, present)
    return formula in present


@given(formulas, st.sets(st.sampled_from("abcd")))
def test_bracketed_equations_are_worth_what_python_says(formula: object, present: set[str]) -> None:
    assert parse(written(formula))(present.__contains__) == value(formula, present)
