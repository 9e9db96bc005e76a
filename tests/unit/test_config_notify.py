"""The `notify` section: what it takes, what it refuses, and what is shown of it."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.config import ConfigInvalid
from syncd.config.effective import effective
from syncd.config.notify import Tls
from tests.unit.config_stand_ins import GOOD, install, read


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch):
    install(monkeypatch)


def given(text: str) -> Any:
    return read(GOOD + f"\nnotify:\n  {text}\n").notify


def refused(text: str) -> str:
    with pytest.raises(ConfigInvalid) as error:
        given(text)
    return "\n".join(p.message for p in error.value.problems)


MAIL = "smtp: {{host: {host}, from: a@example.com, to: {to}{more}}}"


def test_without_the_section_nobody_is_told():
    notify = read(GOOD).notify
    assert (notify.smtp, notify.webhook, notify.ping, notify.budget_share) == (None, None, None, 0.8)


def test_mail_goes_encrypted_to_one_or_several():
    one = given(MAIL.format(host="mail.example.com", to="b@example.com", more="")).smtp
    assert (one.to, one.port, one.tls) == (("b@example.com",), 587, Tls.STARTTLS)
    several = given(MAIL.format(host="mail.example.com", to="[b@example.com, c@example.com]", more="")).smtp
    assert several.to == ("b@example.com", "c@example.com")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (MAIL.format(host="mail.example.com", to="b@example.com", more=", tls: none"), "without TLS only to"),
        (
            MAIL.format(host="m.example.com", to="b@example.com", more=", username: u"),
            "username and password",
        ),
        (MAIL.format(host="m.example.com", to="nobody", more=""), "e-mail address"),
        (MAIL.format(host="m.example.com", to="[]", more=""), "e-mail address"),
        ("webhook: {url: http://example.com/hook}", "plain http only to this machine"),
        ("webhook: {url: https://user:word@example.com/hook}", "must not hold credentials"),
        ("webhook: {url: {env: HOOK_URL}, format: teams}", "slack"),
        ("ping: {}", "url"),
        ("budget_share: 1.5", "at most 1"),
    ],
)
def test_what_cannot_be_meant_is_refused(text, sentence):
    assert sentence in refused(text)


def test_a_url_in_the_open_is_shown_up_to_its_host():
    settings = read(GOOD + "\nnotify: {ping: {url: https://hc.example.com/ping/0f3a-secret}}\n")
    assert effective(settings)["notify"]["ping"] == {"url": "https://hc.example.com/***"}
    assert "0f3a" not in repr(settings.notify)


def test_references_in_it_are_credentials_like_any_other():
    text = "\nnotify: {webhook: {url: {env: HOOK_URL}}, ping: {url: {file: /run/ping}}}\n"
    found = {at: s.reference for at, s in read(GOOD + text).secrets() if at[0] == "notify"}
    assert found == {
        ("notify", "webhook", "url"): "{env: HOOK_URL}",
        ("notify", "ping", "url"): "{file: /run/ping}",
    }
