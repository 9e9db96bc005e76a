"""Waterfall.io's callbacks: signed by Ed25519 over the hash of the raw body, or not signed at all."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.waterfall_io import Connector, ConnectorOptions
from syncd.connector import Answer, Failure, FailureKind
from syncd.secret import Secret
from tests.unit.scripted_wire import ScriptedWire, answer, failure_of
from tests.unit.waterfall_io_support import JOB, ended, person

DATE = "Mon, 04 May 2026 09:00:00 GMT"
AT = 1_777_885_200
BODY = json.dumps(ended(person=person())).encode()


def b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


# The key pair of RFC 8037, appendix A: its public half is known apart from the code under test.
SIGNER = Ed25519PrivateKey.from_private_bytes(unb64("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"))
PUBLIC = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def jwk(kid: str = "k1", **said: object) -> dict[str, object]:
    return {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": kid, "x": PUBLIC} | said


def key_set(*keys: object, date: str | None = DATE) -> Answer:
    return answer({"keys": list(keys)}, 200, **({"date": date} if date else {}))


def signed(
    body: bytes = BODY,
    head: dict[str, object] | None = None,
    claims: dict[str, object] | None = None,
    by: Ed25519PrivateKey = SIGNER,
) -> str:
    header = {"alg": "EdDSA", "typ": "JWT", "kid": "k1"} | (head or {})
    payload = {"body_hash": b64(hashlib.sha256(body).digest())} | (claims or {})
    text = ".".join(
        b64(json.dumps({k: v for k, v in part.items() if v != "left out"}).encode())
        for part in (header, payload)
    )
    return f"{text}.{b64(by.sign(text.encode()))}"


class Clock:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


class Receiver:
    """A connector, the wire that it reads keys through, and the clock by which it keeps them."""

    def __init__(self, *answers: object, **options: Any) -> None:
        self.clock = Clock()
        settings = {"token": Secret("env", "WATERFALL_IO_TEST_TOKEN")} | options
        self.connector = Connector(ConnectorOptions.model_validate(settings), self.clock)
        self.wire = ScriptedWire(self.connector, *(answers or (key_set(jwk()),)))

    def get(self, token: str | None = None, body: bytes = BODY) -> tuple[str, ...]:
        headers = {} if token is None else {"X-Webhook-Signature": token}
        return self.connector.callback(self.wire, headers, body)

    @property
    def reads(self) -> int:
        return len(self.wire.sent)


def test_a_signed_callback_names_its_job() -> None:
    receiver = Receiver(signed_callbacks_only=True)
    assert receiver.get(signed()) == (JOB,)
    ((operation, request),) = receiver.wire.sent
    assert (request.method, request.path, operation.free) == ("GET", "/.well-known/jwks.json", True)


def test_the_name_of_the_header_may_come_in_any_case() -> None:
    receiver = Receiver(signed_callbacks_only=True)
    headers = {"x-webhook-SIGNATURE": f" {signed()} "}
    assert receiver.connector.callback(receiver.wire, headers, BODY) == (JOB,)


HOLLOW = signed().rpartition(".")[0]
NONE = f"{b64(json.dumps({'alg': 'none', 'kid': 'k1'}).encode())}.{HOLLOW.split('.')[1]}."


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(signed(by=OTHER), id="another's key"),
        pytest.param(signed(b"another body"), id="another body"),
        pytest.param(signed(claims={"body_hash": "left out"}), id="no hash"),
        pytest.param(signed(claims={"body_hash": 7}), id="odd hash"),
        pytest.param(signed(claims={"body_hash": hashlib.sha256(BODY).hexdigest()}), id="hash in hex"),
        pytest.param(signed(claims={"body_hash": "é"}), id="hash beyond ASCII"),
        pytest.param(signed(head={"alg": "HS256"}), id="another algorithm"),
        pytest.param(NONE, id="no algorithm"),
        pytest.param(signed(head={"kid": "k2"}), id="unknown key"),
        pytest.param(signed(head={"kid": "left out"}), id="no key named"),
        pytest.param(signed(head={"kid": ["k1"]}), id="odd key name"),
        pytest.param(signed(head={"crit": ["exp"]}), id="extension that must be understood"),
        pytest.param(HOLLOW, id="two pieces"),
        pytest.param(f"{HOLLOW}.", id="no signature"),
        pytest.param(f"{HOLLOW}.AAAA", id="short signature"),
        pytest.param(f"{HOLLOW}.é", id="signature beyond ASCII"),
        pytest.param("a.b.c", id="no JSON"),
        pytest.param(f"{b64(b'[]')}.{b64(b'{}')}.AAAA", id="no object"),
        pytest.param(signed(head={"pad": "x" * 8192}), id="too long"),
        pytest.param("x", id="no token"),
    ],
)
@pytest.mark.parametrize("strict", [False, True])
def test_a_signature_that_is_wrong_in_any_way_is_refused(token: str, strict: bool) -> None:
    receiver = Receiver(signed_callbacks_only=strict)
    failure = failure_of(lambda: receiver.get(token))
    assert failure.kind is FailureKind.AUTH
    assert token not in f"{failure!r} {failure}" or token == "x"


@pytest.mark.parametrize("token", [None, "", "  "])
def test_an_unsigned_callback_is_a_reason_to_ask_unless_that_is_refused(token: str | None) -> None:
    receiver = Receiver()
    assert receiver.get(token) == (JOB,)
    assert receiver.reads == 0
    refused = failure_of(lambda: Receiver(signed_callbacks_only=True).get(token))
    assert refused.kind is FailureKind.AUTH


@pytest.mark.parametrize(
    "trouble",
    [
        Failure(FailureKind.UNAVAILABLE, "down"),
        answer(b"", 503),
        answer({}, 404),
        answer(b"<html>"),
        answer({"keys": {}}),
        answer([]),
    ],
)
def test_without_the_vendors_keys_a_signature_counts_as_none(trouble: object) -> None:
    assert Receiver(trouble).get(signed()) == (JOB,)
    refused = failure_of(lambda: Receiver(trouble, signed_callbacks_only=True).get(signed()))
    assert refused.kind in (FailureKind.UNAVAILABLE, FailureKind.CONTRACT)


@pytest.mark.parametrize(
    "odd",
    [
        jwk(kty="EC"),
        jwk(crv="X25519"),
        jwk(use="enc"),
        jwk(alg="ES256"),
        jwk(x="AAAA"),
        jwk(x="é"),
        jwk(x=None),
        jwk(kid=None),
        "k1",
        None,
    ],
)
def test_entries_that_are_no_signing_key_are_passed_over(odd: object) -> None:
    assert failure_of(lambda: Receiver(key_set(odd)).get(signed())).kind is FailureKind.AUTH
    assert Receiver(key_set(odd, jwk()), signed_callbacks_only=True).get(signed()) == (JOB,)


def test_keys_are_kept_for_five_minutes_and_no_longer() -> None:
    receiver = Receiver(key_set(jwk()), key_set(jwk(x=b64(OTHER.public_key().public_bytes_raw()))))
    receiver.get(signed())
    receiver.clock.at += 300
    assert receiver.get(signed()) == (JOB,)
    assert receiver.reads == 1
    receiver.clock.at += 1
    assert failure_of(lambda: receiver.get(signed())).kind is FailureKind.AUTH
    assert receiver.reads == 2


def test_an_unknown_key_has_the_keys_read_anew_once_in_half_a_minute() -> None:
    receiver = Receiver(key_set(jwk("k0")), key_set(jwk("k0")), key_set(jwk("k0"), jwk("k1")))
    for after, reads in ((0, 1), (29, 1), (1, 2), (29, 2)):
        receiver.clock.at += after
        assert failure_of(lambda: receiver.get(signed())).kind is FailureKind.AUTH
        assert receiver.reads == reads
    receiver.clock.at += 1
    assert receiver.get(signed()) == (JOB,)
    assert receiver.reads == 3


def test_a_known_key_is_not_read_again_because_of_strangers() -> None:
    receiver = Receiver()
    receiver.get(signed())
    for _ in range(5):
        failure_of(lambda: receiver.get(signed(head={"kid": "zz"})))
    assert receiver.get(signed()) == (JOB,)
    assert receiver.reads == 1


@pytest.mark.parametrize(
    ("claims", "good"),
    [
        ({"iat": AT, "nbf": AT, "exp": AT + 60}, True),
        ({"exp": AT - 299}, True),
        ({"exp": AT - 301}, False),
        ({"nbf": AT + 299}, True),
        ({"nbf": AT + 301}, False),
        ({"iat": AT + 301}, False),
        ({"iat": AT - 86_400}, True),
        ({"exp": None}, True),
        ({"exp": "soon"}, False),
        ({"iat": True}, False),
    ],
)
def test_times_are_judged_by_the_vendors_own_clock(claims: dict[str, object], good: bool) -> None:
    receiver = Receiver(signed_callbacks_only=True)
    if good:
        assert receiver.get(signed(claims=claims)) == (JOB,)
    else:
        assert failure_of(lambda: receiver.get(signed(claims=claims))).kind is FailureKind.AUTH


def test_the_vendors_clock_goes_on_while_its_keys_are_kept() -> None:
    receiver = Receiver(signed_callbacks_only=True)
    token = signed(claims={"exp": AT - 200})
    assert receiver.get(token) == (JOB,)
    receiver.clock.at += 101
    assert failure_of(lambda: receiver.get(token)).kind is FailureKind.AUTH


@pytest.mark.parametrize("date", [None, "yesterday"])
def test_without_the_vendors_clock_no_time_is_judged(date: str | None) -> None:
    receiver = Receiver(key_set(jwk(), date=date), signed_callbacks_only=True)
    assert receiver.get(signed(claims={"exp": 1})) == (JOB,)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"input":null}', b'{"input":{"task":{"job_id":"../x"}}}', b"\xff"]
)
def test_a_callback_that_names_no_job_is_not_understood(body: bytes) -> None:
    assert failure_of(lambda: Receiver().get(None, body)).kind is FailureKind.CONTRACT


def test_a_job_id_at_the_top_will_do() -> None:
    assert Receiver().get(None, b'{"job_id":"abc-1","input":null}') == ("abc-1",)
