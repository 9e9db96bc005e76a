"""The ways to tell people: e-mail and a webhook."""

from __future__ import annotations

import json
import smtplib
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Protocol

from syncd.config.notify import HookFormat, SmtpSettings, Tls, WebhookSettings
from syncd.notify.message import Message, Undelivered
from syncd.notify.posting import post
from syncd.secret import Secret, SecretMissing

MAIL_TIMEOUT_S = 20.0


class Channel(Protocol):
    """A way to tell people. `name` is its key in the configuration."""

    name: str

    def deliver(self, message: Message) -> None:
        """Hand a message over.

        Raises:
            Undelivered: it did not arrive; it will be tried again.
        """
        ...


class Mail:
    """Messages by e-mail, a connection for each. `context` are the certificates to trust."""

    name = "smtp"

    def __init__(self, settings: SmtpSettings, context: ssl.SSLContext | None = None) -> None:
        self._s = settings
        self._context = context

    def deliver(self, message: Message) -> None:
        try:
            with self._server() as server:
                if self._s.tls is Tls.STARTTLS:
                    server.starttls(context=self._trusted())
                if self._s.username is not None and self._s.password is not None:
                    server.login(self._s.username, self._s.password.reveal())
                server.send_message(self._letter(message), self._s.sender, list(self._s.to))
        except SecretMissing as missing:
            raise Undelivered(str(missing)) from None
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise Undelivered(type(error).__name__) from None

    def _server(self) -> smtplib.SMTP:
        if self._s.tls is Tls.IMPLICIT:
            return smtplib.SMTP_SSL(
                self._s.host, self._s.port, "localhost", timeout=MAIL_TIMEOUT_S, context=self._trusted()
            )
        return smtplib.SMTP(self._s.host, self._s.port, "localhost", timeout=MAIL_TIMEOUT_S)

    def _trusted(self) -> ssl.SSLContext:
        return self._context or ssl.create_default_context()

    def _letter(self, message: Message) -> EmailMessage:
        letter = EmailMessage()
        letter["From"] = self._s.sender
        letter["To"] = ", ".join(self._s.to)
        letter["Subject"] = f"syncd: {message.title}"
        letter["Date"] = format_datetime(message.at)
        letter["Message-ID"] = make_msgid(domain=self._s.sender.rpartition("@")[2])
        letter["Auto-Submitted"] = "auto-generated"
        letter.set_content(f"{message.text}\n\nThis is syncd on {message.host}; `syncd status` tells more.\n")
        return letter


class Webhook:
    """Messages as requests."""

    name = "webhook"

    def __init__(self, settings: WebhookSettings) -> None:
        self._s = settings

    def deliver(self, message: Message) -> None:
        body = _slack(message) if self._s.format is HookFormat.SLACK else _plain(message)
        post(reveal(self._s.url), json.dumps(body).encode(), "application/json")


def reveal(url: Secret | str) -> str:
    """The URL itself.

    Raises:
        Undelivered: its reference leads to nothing.
    """
    try:
        return url.reveal() if isinstance(url, Secret) else str(url)
    except SecretMissing as missing:
        raise Undelivered(str(missing)) from None


def _plain(message: Message) -> Mapping[str, object]:
    return {
        "schema_version": 1,
        "key": message.key,
        "state": message.state,
        "title": message.title,
        "text": message.text,
        "host": message.host,
        "at": message.at.isoformat(timespec="seconds"),
    }


def _slack(message: Message) -> Mapping[str, object]:
    mark = ":white_check_mark:" if message.state == "over" else ":warning:"
    text = f"{mark} *syncd: {message.title}*\n{message.text}\n_{message.host}_"
    return {"text": text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")}
