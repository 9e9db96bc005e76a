"""HubSpot's rate limits: ten seconds per token, one second for all searches of the portal, a day for everybody."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from connectors.sandbox.clock import Clock
from connectors.sandbox.hubspot.knobs import BACKGROUND, limits_of
from connectors.sandbox.hubspot.refusals import Refused
from connectors.sandbox.windows import Window

Pairs = list[tuple[bytes, bytes]]


class Quota:
    """What each token and the whole portal have used. Read afresh from the knobs when they change."""

    def __init__(self, settings: Mapping[str, Any], clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._day = ""
        self._used = 0
        self.renew()

    def renew(self) -> None:
        """Take over changed knobs. Rolling windows start afresh, the day's count stays."""
        self.limits = limits_of(self._settings)
        self.background = {**BACKGROUND, **self._settings["background"]}
        self._zone = ZoneInfo(self._settings["time_zone"])
        self._tokens: dict[str, Window] = {}
        per_s = self.limits["search_secondly"]
        self._search = None if per_s is None else Window(per_s, 1.0)
        endpoint = self.limits["token_ten_secondly"]
        self._endpoint = None if endpoint is None else Window(endpoint, 10.0)
        self._others_at = self._clock.time()

    def take(self, token: str, search: bool) -> Refused | None:
        """Count a request, or the 429 where it is one too many. Refused ones are not counted."""
        now = self._clock.time()
        day, limit = self._today(now), self.limits["daily"]
        if limit is not None and self.used(now) >= limit:
            return self._daily_refusal(now)
        if search and self._search:
            self._let_others_search(now)
            if self._search.admit(now):
                return self._search_refusal()
        elif not search and (window := self._window(token)) and (wait := window.admit(now)):
            return self._rolling_refusal(wait)
        if day != self._day:
            self._day, self._used = day, 0
        self._used += 1
        return None

    def take_token_request(self) -> Refused | None:
        """Count a request to the token endpoint, which has a limit of its own and always says how long."""
        wait = self._endpoint.admit(self._clock.time()) if self._endpoint else 0.0
        return None if not wait else self._rolling_refusal(wait, always=True)

    def used(self, now: float) -> int:
        """Requests of the portal's day so far, those of other integrations among them."""
        own = self._used if self._day == self._today(now) else 0
        others = self.background["daily_used"]
        others += self.background["daily_per_s"] * (now - self._midnight(now).timestamp())
        return own + int(others)

    def resets_at(self, now: float) -> datetime:
        """The portal's next midnight, whatever the number of hours until then."""
        return self._midnight(now) + timedelta(days=1)

    def headers(self, token: str, search: bool, oauth: bool) -> Pairs:
        """The rate headers of an answer. Searches have none for the interval; OAuth none for the day."""
        now = self._clock.time()
        found: Pairs = []
        limit = self.limits["daily"]
        told = self._settings["search_headers"] == "daily" or not search
        if limit is not None and told and not oauth:
            found += [
                _pair("X-HubSpot-RateLimit-Daily", limit),
                _pair("X-HubSpot-RateLimit-Daily-Remaining", max(0, limit - self.used(now))),
            ]
        window = None if search else self._window(token)
        if window:
            tenth = window.count // 10
            found += [
                _pair("X-HubSpot-RateLimit-Max", window.count),
                _pair("X-HubSpot-RateLimit-Remaining", window.remaining(now)),
                _pair("X-HubSpot-RateLimit-Interval-Milliseconds", 10_000),
                _pair("X-HubSpot-RateLimit-Secondly", tenth),
                _pair("X-HubSpot-RateLimit-Secondly-Remaining", max(0, tenth - 1)),
            ]
        return found

    def _window(self, token: str) -> Window | None:
        limit = self.limits["ten_secondly"]
        if limit is None:
            return None
        window = self._tokens.get(token)
        if window is None:
            window = self._tokens[token] = Window(limit, 10.0)
        return window

    def _let_others_search(self, now: float) -> None:
        """Spend what other integrations searched since the last look, at most a second's worth."""
        rate, search = self.background["search_per_s"], self._search
        if not rate or not search:
            return
        first = max(self._others_at, now - 1.0)
        count = int((now - first) * rate)
        for _ in range(count):
            search.admit(now)
        self._others_at = first + count / rate

    def _today(self, now: float) -> str:
        return datetime.fromtimestamp(now, self._zone).date().isoformat()

    def _midnight(self, now: float) -> datetime:
        return datetime.fromtimestamp(now, self._zone).replace(hour=0, minute=0, second=0, microsecond=0)

    def _daily_refusal(self, now: float) -> Refused:
        wait = self.resets_at(now).timestamp() - now
        return self._refusal("daily", "DAILY", wait)

    def _rolling_refusal(self, wait: float, always: bool = False) -> Refused:
        return self._refusal("ten_secondly_rolling", "TEN_SECONDLY_ROLLING", wait, always)

    def _refusal(self, name: str, policy: str, wait: float, always: bool = False) -> Refused:
        more = {
            "errorType": "RATE_LIMIT",
            "policyName": policy,
            "groupName": f"app:{self._settings['app_id']}",
        }
        refused = Refused(429, f"You have reached your {name} limit.", "RATE_LIMITS", **more)
        if always or self._settings["retry_after"]:
            refused.retry_after = str(max(1, -int(-wait // 1)))
        return refused

    def _search_refusal(self) -> Refused:
        """[R] grouparoo recorded one with a category alone; newer reports name the policy."""
        newer = {"errorType": "RATE_LIMIT", "policyName": "SECONDLY"}
        more = newer if self._settings["search_429"] == "newer" else {}
        return Refused(429, "You have reached your secondly limit.", "RATE_LIMITS", **more)


def _pair(name: str, value: float) -> tuple[bytes, bytes]:
    return name.encode(), str(int(value)).encode()
