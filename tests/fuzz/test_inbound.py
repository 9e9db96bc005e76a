"""What strangers hand us: callbacks from anywhere, exports from anybody."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import PROVIDERS
from connectors.sandbox.csvfile import BadExport
from connectors.sandbox.export import read_export
from syncd.connector import Failure
from tests.fuzz.judging import judge_failure
from tests.fuzz.odd import ANYTHING, BYTES, MARK, NAME, many, texts
from tests.fuzz.recorded import Looked, Replay

ROOT = Path(__file__).parent.parent
EXPORTS = [ROOT / "data" / name for name in ("hubspot-export-sample.csv", "salesforce-report-sample.csv")]
NAMES = st.sampled_from(
    ["id", "job_id", "uuid", "data", "batch_id", "profile", "request_id", "x", "settings", "lookup_ids"]
)
SAID = st.recursive(
    ANYTHING,
    lambda inner: st.dictionaries(NAMES, inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=6,
)
SIGNED = st.dictionaries(
    st.sampled_from(
        ["x-crustdata-signature", "webhook-signature", "x-signature", "x-rr-signature", "x-waterfall-signature",
         "signature", "x-jws-signature", "content-type", "authorization"]
    ),
    st.text(max_size=40) | st.sampled_from(["a.b.c", "..", "eyJhbGciOiJub25lIn0.e30.", "t=1,v1=00", "sha256=00"]),
    max_size=3,
)  # fmt: skip


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_callback_of_any_form_names_jobs_or_is_refused(
    name: str, accounts_of: Callable[[str], list[Looked]]
) -> None:
    @many(30)
    @given(st.data(), SIGNED, BYTES | SAID.map(lambda document: json.dumps(document).encode()))
    def judge(data: st.DataObject, headers: dict[str, str], body: bytes) -> None:
        looked = data.draw(st.sampled_from(accounts_of(name)))
        connector = looked.fresh()
        keys = data.draw(st.sampled_from([*looked.answers, replace(looked.answers[0], body=body)]))
        try:
            handles = connector.callback(Replay(connector.classify, [keys]), headers, body)
        except Failure as failure:
            judge_failure(failure)
        else:
            assert all(isinstance(h, str) and h and len(h) < 1000 for h in handles)
            assert not any(MARK in t and NAME in t for t in texts(handles))

    judge()


def load(data: bytes) -> None:
    """Read it as an export; whatever is in it, every line is told of."""
    with tempfile.TemporaryDirectory(prefix="syncd-fuzz-") as folder:
        path = Path(folder) / "export.csv"
        path.write_bytes(data)
        try:
            found = read_export(path, seed=1)
        except BadExport:
            return
    assert all(record.id for record in found.records)
    assert len({record.id for record in found.records}) == len(found.records)
    assert all(rejected.reason for rejected in found.rejected)


PIECES = st.sampled_from(
    [b",", b";", b"\t", b'"', b'""', b"\n", b"\r\n", b"\r", b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"=cmd()", b"1E+15", b"\xc3", b"Record ID",
     b"Email", b"9" * 30, b"31/12/9999", b"0001-01-01", b"9999-12-31T23:59:59-23:59", b"0001-01-01T00:00:00+23:59", b"\xe2\x80\xa8", b" "]
)  # fmt: skip


@pytest.mark.parametrize("path", EXPORTS, ids=lambda path: path.stem)
def test_an_export_with_pieces_put_in_cut_out_and_repeated_is_loaded_or_refused(path: Path) -> None:
    whole = b"".join(path.read_bytes().splitlines(keepends=True)[:8])

    @many(30)
    @given(st.data())
    def judge(data: st.DataObject) -> None:
        content = whole
        for _ in range(data.draw(st.integers(1, 5))):
            start = data.draw(st.integers(0, len(content)))
            end = min(len(content), start + data.draw(st.integers(0, 40)))
            content = content[:start] + data.draw(PIECES | st.binary(max_size=6)) + content[end:]
        load(content)

    judge()


@many(30)
@given(st.binary(max_size=300) | st.lists(PIECES, max_size=40).map(b"".join))
def test_any_file_at_all_is_refused_in_one_sentence_or_loaded(data: bytes) -> None:
    load(data)


@pytest.mark.parametrize("stamp", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "0001-01-01"])
def test_a_date_at_the_end_of_the_calendar_is_none(stamp: str) -> None:
    load(f"Record ID,Email,Create Date\n1,a@b.example,{stamp}\n".encode())
