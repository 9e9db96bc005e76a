"""Whatever a file holds, reading it ends soon: in settings, or in problems that can be told."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncd.config import ConfigInvalid, Settings, Severity, parse
from tests.unit.config_stand_ins import GOOD, install

pytestmark = pytest.mark.usefixtures("stand_ins")
LINES = GOOD.splitlines(keepends=True)
PIECES = st.sampled_from(
    ["- ", "? ", ": ", "{", "}", "[", "]", ",", "'", '"', "&a ", "*a", "!x ", "|\n", ">\n", "\t", "#", "%YAML 1.1\n", "---\n",
     "...\n", "\n", " ", "  ", "@", "`", "\\", "\0", "\ufeff", "\u2028", "null", "true", "1e999", "-", "<<: ", "0x", ".inf", "é"]
)  # fmt: skip
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def stand_ins():
    with pytest.MonkeyPatch.context() as patch:
        install(patch)
        yield


def judge(data):
    """Read it; whatever the end, it is one of the two and can be told."""
    started = time.process_time()
    problems = ()
    try:
        assert isinstance(parse(data, Path("c.yaml")), Settings)
    except ConfigInvalid as caught:
        problems = caught.problems
    else:
        return
    assert time.process_time() - started < 5
    assert any(problem.severity is Severity.ERROR for problem in problems)
    for problem in problems:
        assert problem.text().startswith("c.yaml:")
        assert json.dumps(problem.json())
        assert problem.line is not None
        assert problem.line >= 1
        assert problem.message.isprintable()
        assert 0 <= problem.caret <= len(problem.source_line)


FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@FUZZ
@given(st.binary(max_size=400))
def test_random_bytes(data):
    judge(data)


@FUZZ
@given(st.text(max_size=300))
def test_random_text(text):
    judge(text.encode(errors="surrogatepass"))


@FUZZ
@given(st.lists(PIECES | st.sampled_from(LINES), max_size=40))
def test_random_pieces_of_yaml(pieces):
    judge("".join(pieces).encode())


@FUZZ
@given(st.data())
def test_the_good_file_with_pieces_put_in_cut_out_and_swapped(data):
    text = GOOD
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 30)))
        text = text[:start] + data.draw(PIECES | st.text(max_size=5) | st.just("")) + text[end:]
    judge(text.encode(errors="surrogatepass"))


@FUZZ
@given(st.data())
def test_the_good_file_with_lines_shuffled_and_repeated(data):
    lines = data.draw(st.lists(st.sampled_from(LINES), min_size=1, max_size=60))
    judge("".join(lines).encode())


@FUZZ
@given(st.data())
def test_the_good_tree_with_any_value_anywhere(data):
    from ruamel.yaml import YAML

    tree = YAML(typ="safe", pure=True).load(GOOD)
    for _ in range(data.draw(st.integers(1, 3))):
        node = tree
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            child = node[key]
            if not isinstance(child, (dict, list)) or data.draw(st.integers(0, 3)) == 0:
                node[key] = data.draw(ANYTHING)
                break
            node = child
    judge(json.dumps(tree).encode())
