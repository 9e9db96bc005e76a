"""Tokens and the account itself: who may call, the token endpoint, details and usage."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

from connectors.sandbox.hubspot.call import Answer, Call
from connectors.sandbox.hubspot.knobs import KNOBS, SCOPES, Token, tokens_of
from connectors.sandbox.hubspot.moments import iso
from connectors.sandbox.hubspot.portal import Portal
from connectors.sandbox.hubspot.quota import Quota
from connectors.sandbox.hubspot.refusals import Refused


class Account:
    """The accepted tokens and what the account tells of itself."""

    def __init__(self, portal: Portal, quota: Quota) -> None:
        self._portal, self._quota = portal, quota
        self._issued: dict[str, Token] = {}
        self._current_refresh = ""
        self.renew()

    def renew(self) -> None:
        """Take over changed knobs. Tokens that the endpoint issued stay as they are."""
        self._tokens = tokens_of(self._portal.settings)

    def token(self, text: str) -> Token | None:
        """The token of this text, whether or not it may still be used."""
        return self._tokens.get(text) or self._issued.get(text)

    def admit(self, text: str, scope: str) -> Token:
        """The token, where it may make the call.

        Raises:
            Refused: 401 or 403.
        """
        token = self.token(text)
        if token is None or token.revoked:
            raise Refused(
                401,
                "Authentication credentials not found or not valid for this API.",
                "INVALID_AUTHENTICATION",
            )
        now = self._portal.now_ms()
        if token.expires_ms is not None and token.expires_ms <= now:
            ago = (now - token.expires_ms) // 1000
            raise Refused(
                401,
                f"The OAuth token used to make this call expired {ago} second(s) ago.",
                "EXPIRED_AUTHENTICATION",
                context={"expire time": [iso(token.expires_ms)]},
            )
        if scope and not token.may(scope):
            raise Refused(
                403,
                "This app hasn't been granted all required scopes to make this call.",
                "MISSING_SCOPES",
                errors=[
                    {
                        "message": "One or more of these scopes are required",
                        "context": {"requiredGranularScopes": [scope]},
                    }
                ],
            )
        return token

    # the token endpoint, which needs no token

    def issue(self, body: bytes) -> Answer:
        """A new access token for a refresh token, which is replaced where the knob says that it rotates.

        Raises:
            Refused: 400, or 429 with Retry-After.
        """
        limited = self._quota.take_token_request()
        if limited:
            raise limited
        knobs = {**KNOBS["oauth"], **self._portal.settings["oauth"]}
        form = {k: v[0] for k, v in parse_qs(body.decode(errors="replace")).items()}
        refresh = self._current_refresh or knobs["refresh_token"]
        if form.get("grant_type") != "refresh_token":
            raise Refused(400, "missing or unknown grant_type", "BAD_GRANT_TYPE")
        if form.get("client_id") != knobs["client_id"] or form.get("client_secret") != knobs["client_secret"]:
            raise Refused(400, "missing or unknown client id or secret", "BAD_CLIENT_ID")
        if form.get("refresh_token") != refresh:
            raise Refused(400, "missing or unknown refresh token", "BAD_REFRESH_TOKEN")
        if knobs["rotate"]:
            refresh = self._current_refresh = f"sandbox-refresh-{self._portal.correlation()}"
        access = f"sandbox-access-{self._portal.correlation()}"
        seconds = int(knobs["expires_in"])
        expires = self._portal.now_ms() + seconds * 1000
        self._issued[access] = Token(None, str(self._portal.settings["app_id"]), None, expires, oauth=True)
        return 200, {
            "token_type": "bearer",
            "access_token": access,
            "refresh_token": refresh,
            "expires_in": seconds,
        }

    def describe(self, text: str) -> Answer:
        """What an OAuth token is good for."""
        token = self.token(text)
        if token is None:
            raise Refused(404, "access token not found", "OBJECT_NOT_FOUND")
        left = 0 if token.expires_ms is None else max(0, (token.expires_ms - self._portal.now_ms()) // 1000)
        return 200, {
            "token": text,
            "token_type": "access",
            "hub_id": self._portal.settings["portal"],
            "app_id": _number(token.app),
            "user_id": token.user or 1,
            "user": "owner@sandbox.example",
            "hub_domain": "sandbox.example",
            "scopes": _scopes(token),
            "expires_in": left,
        }

    def describe_private(self, data: Mapping[str, Any]) -> Answer:
        """What a private app's token is good for; third-party code asks so for the app's id."""
        token = self.token(str(data.get("tokenKey", "")))
        if token is None:
            raise Refused(404, "token not found", "OBJECT_NOT_FOUND")
        return 200, {
            "userId": token.user or 1,
            "hubId": self._portal.settings["portal"],
            "appId": _number(token.app),
            "scopes": _scopes(token),
        }

    # the account

    def details(self, call: Call) -> Answer:
        """Which portal this is, of what type, in which zone."""
        settings = self._portal.settings
        here = self._portal.clock.now().astimezone(ZoneInfo(settings["time_zone"]))
        offset = here.utcoffset()
        seconds = int(offset.total_seconds()) if offset else 0
        sign = "-" if seconds < 0 else "+"
        return 200, {
            "portalId": settings["portal"],
            "accountType": settings["account_type"],
            "timeZone": settings["time_zone"],
            "companyCurrency": "EUR",
            "additionalCurrencies": [],
            "utcOffset": f"{sign}{abs(seconds) // 3600:02d}:{abs(seconds) % 3600 // 60:02d}",
            "utcOffsetMilliseconds": seconds * 1000,
            "uiDomain": "app.hubspot.com",
            "dataHostingLocation": "eu1",
        }

    def usage(self, call: Call) -> Answer:
        """The portal's day: what may be used, what was, and when it starts anew."""
        now = self._portal.clock.time()
        limit = self._quota.limits["daily"]
        return 200, {
            "results": [
                {
                    "name": "private-apps-api-calls-daily",
                    "usageLimit": int(limit) if limit is not None else None,
                    "currentUsage": self._quota.used(now),
                    "collectedAt": iso(self._portal.now_ms()),
                    "fetchStatus": "SUCCESS",
                    "resetsAt": iso(int(self._quota.resets_at(now).astimezone(UTC).timestamp() * 1000)),
                }
            ]
        }


def _scopes(token: Token) -> list[str]:
    return sorted(token.scopes) if token.scopes is not None else list(SCOPES)


def _number(app: str) -> int | str:
    return int(app) if app.isdecimal() else app
