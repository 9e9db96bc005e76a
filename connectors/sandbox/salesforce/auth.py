"""Who is calling: tokens for client credentials and for signed assertions, their end, and who they are."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate

from connectors.sandbox.salesforce.call import Answer
from connectors.sandbox.salesforce.knobs import App, apps_of
from connectors.sandbox.salesforce.moments import iso
from connectors.sandbox.salesforce.org import Org
from connectors.sandbox.salesforce.store import User
from connectors.sandbox.windows import Window

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LONGEST_ASSERTION_S = 600


class TokenRefused(Exception):
    """The token endpoint says no, as an object and not as an array."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error, self.description = error, description


@dataclass
class Session:
    """One access token. It ends when it is not used for the org's time-out."""

    user: str
    used_at: float


class Auth:
    """The token endpoint and the tokens that it gave."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._sessions: dict[str, Session] = {}
        self._logins = 0
        self.renew()

    def renew(self) -> None:
        """Take over changed knobs; the count of logins starts afresh."""
        self._apps = apps_of(self._org.settings)
        per_hour = self._org.settings["logins_per_hour"]
        self._window = Window(per_hour, 3600.0) if per_hour else None

    def user(self, token: str) -> User | None:
        """Whose token it is, and keeps it alive; None where it is unknown, revoked or was idle too long."""
        session, now = self._sessions.get(token), self._org.clock.time()
        if session is None or session.user not in self._org.users:
            return None
        if now - session.used_at > self._org.settings["session_s"]:
            del self._sessions[token]
            return None
        session.used_at = now
        return self._org.users[session.user]

    def forget(self, token: str | None = None) -> int:
        """End a session, or all; how many ended."""
        ended = [t for t in self._sessions if token in (None, t)]
        for one in ended:
            del self._sessions[one]
        return len(ended)

    def token(self, body: bytes, authorization: str, base: str) -> Answer:
        """A new access token, or the refusal of one. It has no expiry; [R]."""
        form = {k: v[0] for k, v in parse_qs(body.decode(errors="replace")).items()}
        try:
            if self._window and self._window.admit(self._org.clock.time()):
                raise TokenRefused("invalid_grant", "login rate exceeded")
            user = self._granted(form, authorization)
        except TokenRefused as no:
            told = {"error": no.error, "error_description": no.description}
            if self._org.settings["bare_token_errors"]:
                del told["error_description"]
            return Answer(400, told)
        return Answer(200, self._issued(user, base))

    def _granted(self, form: dict[str, str], authorization: str) -> User:
        match form.get("grant_type"):
            case "client_credentials":
                app = self._app(*_credentials(form, authorization))
                if app.run_as is None:
                    raise TokenRefused("invalid_grant", "no client credentials user enabled")
                return self._org.users[app.run_as]
            case value if value == JWT_BEARER:
                return self._asserted(form.get("assertion", ""))
            case "password":
                raise TokenRefused("invalid_grant", "authentication failure")
        raise TokenRefused("unsupported_grant_type", "grant type not supported")

    def _app(self, client: str, secret: str) -> App:
        app = self._apps.get(client)
        if app is None:
            raise TokenRefused("invalid_client_id", "client identifier invalid")
        if not app.secret or app.secret != secret:
            raise TokenRefused("invalid_client", "invalid client credentials")
        return app

    def _asserted(self, assertion: str) -> User:
        """The user of a JWT that is signed by the app's key, for this kind of server, and not yet over."""
        claims, signed, signature = _parts(assertion)
        app = self._apps.get(str(claims.get("iss", "")))
        if app is None:
            raise TokenRefused("invalid_client_id", "client identifier invalid")
        key = _key(app.public_key)
        if key is None:
            raise TokenRefused("invalid_grant", "user hasn't approved this consumer")
        try:
            key.verify(signature, signed, PKCS1v15(), SHA256())
        except InvalidSignature:
            raise TokenRefused("invalid_grant", "invalid assertion") from None
        if "salesforce.com" not in str(claims.get("aud", "")) and "127.0.0.1" not in str(
            claims.get("aud", "")
        ):
            raise TokenRefused("invalid_grant", "audience is invalid")
        expires = str(claims.get("exp", ""))
        now = self._org.clock.time()
        if not expires.isdecimal() or not now < int(expires) <= now + LONGEST_ASSERTION_S:
            raise TokenRefused("invalid_grant", "expired authorization code")
        found = next((u for u in self._org.users.values() if u.username == claims.get("sub")), None)
        if found is None:
            raise TokenRefused("invalid_grant", "user hasn't approved this consumer")
        return found

    def _issued(self, user: User, base: str) -> dict[str, Any]:
        self._logins += 1
        settings = self._org.settings
        if settings["login_ends_others"]:
            for token in [t for t, s in self._sessions.items() if s.user == user.name]:
                del self._sessions[token]
        now = self._org.clock.time()
        token = f"{settings['org'][:15]}!AQ{self._org.dice.getrandbits(256):064x}"
        self._sessions[token] = Session(user.name, now)
        if settings["instance_moves"] and self._logins % 2 == 0:
            base = base.replace("//127.0.0.1", "//localhost")
        return {
            "access_token": token,
            "signature": base64.b64encode(self._org.dice.randbytes(32)).decode(),
            "scope": "api id",
            "instance_url": base,
            "id": f"{base}/id/{settings['org']}/{user.id}",
            "token_type": "Bearer",
            "issued_at": str(int(now * 1000)),
        }

    def userinfo(self, user: User, base: str) -> dict[str, Any]:
        """Who the token's user is, and of which org."""
        org = self._org.settings["org"]
        values = self._org.store.rows["User"][user.id].values
        return {
            "sub": f"{base}/id/{org}/{user.id}",
            "user_id": user.id,
            "organization_id": org,
            "preferred_username": user.username,
            "nickname": user.name,
            "name": values["Name"],
            "email": values["Email"],
            "email_verified": True,
            "given_name": values.get("FirstName"),
            "family_name": values["LastName"],
            "zoneinfo": "Europe/London",
            "active": True,
            "user_type": "STANDARD",
            "language": user.language,
            "locale": user.language,
            "utcOffset": 0,
            "updated_at": iso(values["LastModifiedDate"]),
            "urls": {
                "rest": f"{base}/services/data/v{{version}}/",
                "query": f"{base}/services/data/v{{version}}/query/",
                "sobjects": f"{base}/services/data/v{{version}}/sobjects/",
            },
        }


def _credentials(form: dict[str, str], authorization: str) -> tuple[str, str]:
    """Client id and secret, from Basic or from the form."""
    kind, _, encoded = authorization.partition(" ")
    if kind.lower() == "basic":
        try:
            client, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise TokenRefused("invalid_client", "invalid client credentials") from None
        return client, secret
    return form.get("client_id", ""), form.get("client_secret", "")


def _parts(assertion: str) -> tuple[dict[str, Any], bytes, bytes]:
    """Claims, signed text and signature of a JWT."""
    pieces = assertion.split(".")
    try:
        head, claims, signature = (base64.urlsafe_b64decode(p + "=" * (-len(p) % 4)) for p in pieces)
        told, read = orjson.loads(head), orjson.loads(claims)
    except (ValueError, binascii.Error):
        raise TokenRefused("invalid_grant", "invalid assertion") from None
    if not isinstance(told, dict) or told.get("alg") != "RS256" or not isinstance(read, dict):
        raise TokenRefused("invalid_grant", "invalid assertion")
    return read, ".".join(pieces[:2]).encode(), signature


def _key(pem: str) -> RSAPublicKey | None:
    """The key of a PEM public key or certificate; None where there is none."""
    try:
        certificate = "CERTIFICATE" in pem
        key = (
            load_pem_x509_certificate(pem.encode()).public_key()
            if certificate
            else load_pem_public_key(pem.encode())
        )
    except ValueError:
        return None
    return key if isinstance(key, RSAPublicKey) else None
