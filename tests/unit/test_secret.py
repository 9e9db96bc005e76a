"""Credentials in files: whoever changes the file changes the credential."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.secret import Secret, SecretMissing


def test_a_file_that_is_written_anew_is_read_anew(tmp_path: Path) -> None:
    held = tmp_path / "token"
    held.write_text("first-one\n")
    secret = Secret("file", str(held))
    assert [secret.reveal(), secret.reveal()] == ["first-one", "first-one"]
    other = tmp_path / "other"
    other.write_text("other-one\n")
    other.replace(held)
    assert secret.reveal() == "other-one"
    held.write_text("third-one and longer\n")
    assert secret.reveal() == "third-one and longer"


def test_a_file_that_is_gone_is_missed_though_it_was_read(tmp_path: Path) -> None:
    held = tmp_path / "token"
    held.write_text("first-one\n")
    secret = Secret("file", str(held))
    assert secret.reveal()
    held.unlink()
    with pytest.raises(SecretMissing, match="cannot be read"):
        secret.reveal()
