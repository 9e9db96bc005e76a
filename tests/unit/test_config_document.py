"""YAML as it is read: version 1.2, bounded, with places."""

import time

import pytest

from syncd.config.document import Document
from syncd.config.problems import ConfigInvalid


def parsed(text):
    return Document.parse(text.encode() if isinstance(text, str) else text, "c.yaml")


def faults(text):
    with pytest.raises(ConfigInvalid) as caught:
        parsed(text)
    return [(p.code, p.line, p.column) for p in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("", "yaml.empty", 1, 1),
        ("# only a comment\n", "yaml.empty", 1, 1),
        ("~", "yaml.empty", 1, 1),
        ("- a\n- b\n", "yaml.shape", 1, 1),
        ("just text", "yaml.shape", 1, 1),
        ("a: 1\nb: !!python/object:os.system x\n", "yaml.tag", 2, 4),
        ("a: !!binary aGVsbG8=\n", "yaml.tag", 1, 4),
        ("a: 1\nb:\n\tc: 1\n", "yaml.tab", 3, 1),
        (b"a: 1\nb: caf\xe9\n", "yaml.encoding", 2, 7),
        ("a: 1".encode("utf-16"), "yaml.encoding", 1, 1),
        (b"\xef\xbb\xbfa: 1\n", "yaml.bom", 1, 1),
        ("a: 1\nb: x\0y\n", "yaml.character", 2, 5),
        ("a: \x1b[31m\n", "yaml.character", 1, 4),
        ("a: 1\n---\nb: 2\n", "yaml.documents", 2, 1),
        ("a: 1\nb: *nobody\n", "yaml.alias", 2, 4),
        ("a: &self [*self]\n", "yaml.alias", 1, 11),
        ("<<: {a: 1}\n", "yaml.key", 1, 1),
        ("? [a, b]\n: 1\n", "yaml.key", 1, 3),
        (": 1\n", "yaml.key", 1, 1),
        ("a: 'open\nb: 2\n", "yaml.syntax", 1, 4),
        ("a: [1, 2\n", "yaml.syntax", 2, 1),
        ("a: b: c\n", "yaml.syntax", 1, 5),
        ("a: @home\n", "yaml.syntax", 1, 4),
        ('a: "\\q"\n', "yaml.syntax", 1, 6),
        ('a: "\\U99999999"\n', "yaml.syntax", 1, 1),
        ("a: 1\nb\n", "yaml.syntax", 2, 1),
    ],
)
def test_each_malformed_file_is_one_problem_with_its_place(text, code, line, column):
    assert faults(text) == [(code, line, column)]


def test_every_duplicate_key_is_reported_with_the_line_of_the_first():
    document = parsed("a: 1\nb: {x: 1, x: 2}\na: 3\n")
    assert [(f.code, f.mark.line, f.hint) for f in document.faults] == [
        ("yaml.duplicate", 1, "it was first given on line 2; keep one of them"),
        ("yaml.duplicate", 2, "it was first given on line 1; keep one of them"),
    ]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("NO", "NO"),
        ("12:30:00", "12:30:00"),
        ("2026-01-31", "2026-01-31"),
        ("0012", 12),
        ("0o17", 15),
        ("0x1F", 31),
        ("1e3", 1000.0),
        ("-0.5", -0.5),
        ("true", True),
        ("~", None),
        ("null", None),
        ("''", ""),
        ("'true'", "true"),
        ('"12"', "12"),
        ("!!str 12", "12"),
        ("1_000", "1_000"),
        ("9" * 30, "9" * 30),
    ],
)
def test_scalars_mean_what_the_core_schema_of_yaml_1_2_says(written, value):
    read = parsed(f"a: {written}\n").plain()["a"]
    assert (read, type(read)) == (value, type(value))


def test_keys_that_look_like_other_types_are_text():
    assert parsed("on: 1\nno: 2\n3: x\ntrue: y\n").plain() == {"on": 1, "no": 2, "3": "x", "true": "y"}


def test_anchors_may_share_values_within_bounds():
    assert parsed("a: &x {k: [1, 2]}\nb: *x\n").plain() == {"a": {"k": [1, 2]}, "b": {"k": [1, 2]}}


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5000,
        "{a: " * 5000,
        "- " * 5000 + "x",
        "- " * 200 + "[{" * 30_000,
        "[" * 5000 + "]" * 5000,
        "".join(" " * i + "a:\n" for i in range(1000)),
        "a: &a " + "[" * 20 + "1" + "]" * 20 + "\nb: " + "[" * 20 + "*a" + "]" * 20,
    ],
)
def test_deep_nesting_is_refused_before_it_can_cost_time(text):
    started = time.process_time()
    assert [code for code, _, _ in faults(text)] == ["yaml.depth"]
    assert time.process_time() - started < 5


def test_nesting_of_32_levels_is_read():
    assert parsed("a: " + "[" * 31 + "]" * 31).plain()["a"] is not None
    assert faults("a: " + "[" * 32 + "]" * 32)[0][0] == "yaml.depth"


def test_a_bomb_of_aliases_is_refused_by_the_values_it_expands_to():
    lines = ["a: &a [x,x,x,x,x,x,x,x,x,x]"]
    for here, last in zip("bcdefg", "abcdef", strict=True):
        lines.append(f"{here}: &{here} [" + ",".join([f"*{last}"] * 8) + "]")
    assert faults("\n".join(lines))[0][0] == "yaml.size"


def test_more_than_50_aliases_are_refused():
    assert parsed("a: &a 1\nb: [" + ",".join(["*a"] * 50) + "]")
    assert faults("a: &a 1\nb: [" + ",".join(["*a"] * 51) + "]")[0][0] == "yaml.aliases"


def test_a_file_above_one_mebibyte_is_refused_unread():
    assert faults(b"#" * (1024 * 1024 + 1)) == [("yaml.size", 1, 1)]
    assert faults(b"#" * 1024 * 1024) == [("yaml.empty", 1, 1)]


def test_places_are_those_of_keys_and_values():
    document = parsed("a:\n  b: [x, {c: 1}]\n")
    places = {
        (("a", "b", 1, "c"), False): (1, 13),
        (("a", "b", 1, "c"), True): (1, 10),
        (("a", "b"), True): (1, 2),
        (("a", "b", 0), False): (1, 6),
        (("a", "missing"), False): (0, 0),
        (("a", "tag-of-an-alternative", "b"), True): (1, 2),
    }
    marks = {question: document.mark(*question) for question in places}
    assert {question: (mark.line, mark.column) for question, mark in marks.items()} == places


def echo_of(text, at=("a",)):
    from syncd.config.problems import Finding

    problem = parsed(text).problem(Finding("x", "x", at))
    return problem.source_line, problem.caret


def test_the_echoed_line_keeps_the_caret_on_the_value():
    assert echo_of("x: {token: hunter2, a: 1}\n", ("x", "a")) == ("x: {token: …, a: 1}", 17)


def test_the_echoed_line_has_no_comment_and_no_anchor_name():
    assert echo_of("a: &hunter2 1 # hunter2\n")[0] == "a: …"


def test_a_multi_line_value_is_not_echoed():
    assert "hunter2" not in echo_of("b: |\n  hunter2\n  hunter2\na: 1\n", ("b",))[0]


def test_a_very_long_line_is_cut_around_the_caret():
    text = "{" + ", ".join(f"k{n}: {n}" for n in range(5000)) + "}"
    line, caret = echo_of(text, ("k4000",))
    assert len(line) <= 100
    assert line[caret:].startswith("4000")


def test_a_line_that_cannot_be_parsed_is_echoed_without_its_value():
    with pytest.raises(ConfigInvalid) as caught:
        parsed("a: 1\ntoken: hunter2: x\n")
    assert [p.source_line for p in caught.value.problems] == ["token: …"]
