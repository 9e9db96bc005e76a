"""What a request looks like on the wire, and what is made of answers however they are sent."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpcore
import pytest

from connectors.sandbox.tls import issue
from syncd.connector import Failure, FailureKind, Operation, Request
from syncd.http import MAX_BODY, READ_BYTES, Http, Wire

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
ASK = Operation("ask")
Serve = Callable[..., "Vendor"]


class Vendor:
    """Gives each request the next of its answers; one that is empty hangs up instead."""

    def __init__(self, *answers: bytes, then_close: bool = False) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.hung_up = threading.Event()
        self._answers = list(answers)
        self._then_close = then_close
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.http = Http(f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1/", lambda: {"token": "s3cret"})
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while self._answers:
            peer, _ = self._socket.accept()
            self.connections += 1
            with peer:
                self._talk(peer)
            self.hung_up.set()

    def _talk(self, peer: socket.socket) -> None:
        while self._answers:
            request = b""
            while b"\r\n\r\n" not in request or len(request.partition(b"\r\n\r\n")[2]) < _announced(request):
                part = peer.recv(65536)
                if not part:
                    return
                request += part
            self.requests.append(request)
            answer = self._answers.pop(0)
            peer.sendall(answer)
            if not answer or self._then_close:
                return

    def close(self) -> None:
        self.http.close()
        self._answers.clear()
        self._socket.close()


def _announced(request: bytes) -> int:
    held = [h for h in request.lower().split(b"\r\n") if h.startswith(b"content-length:")]
    return int(held[0].partition(b":")[2]) if held else 0


@pytest.fixture
def serve() -> Iterator[Serve]:
    begun: list[Vendor] = []

    def start(*answers: bytes, **more: bool) -> Vendor:
        begun.append(Vendor(*answers, **more))
        return begun[-1]

    yield start
    for vendor in begun:
        vendor.close()


def packed(body: bytes) -> bytes:
    held = gzip.compress(body)
    return (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(held)) + held


def test_a_request_says_where_it_goes_who_asks_and_how_long_it_is(serve: Serve) -> None:
    vendor = serve(OK, OK, OK)
    vendor.http.exchange(ASK, Request("GET", "/people/{id}", {"q": "a b"}, args={"id": "x/y"}), paid=False)
    vendor.http.exchange(ASK, Request("POST", "/people", json={"name": "Zoë"}), paid=False)
    vendor.http.exchange(ASK, Request("POST", "/begin"), paid=False)
    got, sent, bare = vendor.requests
    lines = got.split(b"\r\n")
    assert lines[0] == b"GET /v1/people/x%2Fy?q=a+b HTTP/1.1"
    assert lines[1] == b"host: " + vendor.http.base_url.removeprefix("http://").partition("/")[0].encode()
    assert b"token: s3cret" in lines
    assert not any(line.startswith(b"content-") for line in lines)
    assert sent.endswith(b'\r\n\r\n{"name":"Zo\xc3\xab"}')
    assert b"\r\ncontent-length: 15\r\n" in sent
    assert b"\r\ncontent-type: application/json\r\n" in sent
    assert b"\r\ncontent-length: 0\r\n" in bare
    assert vendor.connections == 1


def test_a_form_is_sent_as_one(serve: Serve) -> None:
    vendor = serve(OK)
    vendor.http.exchange(ASK, Request("POST", "/login", form={"user": "a&b", "scope": "x y"}), paid=False)
    assert vendor.requests[0].endswith(b"\r\n\r\nuser=a%26b&scope=x+y")
    assert b"\r\ncontent-type: application/x-www-form-urlencoded\r\n" in vendor.requests[0]


def test_a_header_that_is_sent_twice_is_one_with_both(serve: Serve) -> None:
    vendor = serve(b"HTTP/1.1 200 OK\r\nX-Left: 1\r\nx-left: 2\r\ncontent-length: 0\r\n\r\n")
    assert vendor.http.exchange(ASK, Request("GET", "/"), paid=False).headers["x-left"] == "1, 2"


def test_a_long_answer_arrives_whole_though_little_is_set_aside_for_it(serve: Serve) -> None:
    body = b"[" + b"1," * 100_000 + b"1]"
    vendor = serve(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
    assert vendor.http.exchange(ASK, Request("GET", "/"), paid=False).body == body
    asked: list[int] = []

    class Inner(httpcore.NetworkStream):
        def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
            asked.append(max_bytes)
            return b""

    for most in (100, 10 * READ_BYTES):
        Wire(Inner()).read(most)
    assert asked == [100, READ_BYTES]


def test_an_answer_that_is_packed_unasked_is_understood(serve: Serve) -> None:
    vendor = serve(packed(b'{"found":true}'))
    assert vendor.http.exchange(ASK, Request("GET", "/"), paid=False).body == b'{"found":true}'


@pytest.mark.parametrize(
    "answer",
    [
        packed(b" " * (MAX_BODY + 1)),
        packed(b"{}")[:-12] + b"\xff" * 12,
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"",
    ],
    ids=["too large once unpacked", "badly packed", "half a body", "half a header", "not HTTP", "nothing"],
)
def test_an_answer_that_cannot_be_read_leaves_a_paid_request_in_doubt(serve: Serve, answer: bytes) -> None:
    vendor = serve(answer, OK, then_close=True)
    with pytest.raises(Failure) as caught:
        vendor.http.exchange(ASK, Request("POST", "/buy"), paid=True)
    assert (caught.value.kind, caught.value.charged) == (FailureKind.AMBIGUOUS, None)
    assert len(vendor.requests) == 1
    # What is left of that connection serves nobody else.
    assert vendor.hung_up.wait(10)
    assert vendor.http.exchange(ASK, Request("GET", "/"), paid=False).status == 200
    assert vendor.connections == 2


def test_a_connection_that_the_server_closed_meanwhile_is_not_used_again(serve: Serve) -> None:
    vendor = serve(OK, OK, then_close=True)
    for _ in range(2):
        assert vendor.http.exchange(ASK, Request("POST", "/buy"), paid=True).status == 200
        assert vendor.hung_up.wait(10)
    assert vendor.connections == 2


def test_where_nobody_listens_nothing_was_sent() -> None:
    # Bound and not listening: nobody else gets the port meanwhile.
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        http = Http(f"http://127.0.0.1:{held.getsockname()[1]}", dict)
        for _ in range(2):
            with pytest.raises(Failure) as caught:
                http.exchange(ASK, Request("POST", "/buy"), paid=True)
            assert (caught.value.kind, caught.value.charged) == (FailureKind.UNAVAILABLE, False)
        http.close()


def test_only_a_server_with_a_trusted_certificate_is_told_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paper = issue(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(paper.certificate, paper.key)
    heard: list[bytes] = []

    def serve() -> None:
        for _ in range(2):
            peer, _ = listener.accept()
            with suppress(OSError), context.wrap_socket(peer, server_side=True) as secured:
                heard.append(secured.recv(65536))
                secured.sendall(OK)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        base = f"https://127.0.0.1:{listener.getsockname()[1]}"
        stranger = Http(base, lambda: {"token": "s3cret"})
        with pytest.raises(Failure) as caught:
            stranger.exchange(ASK, Request("POST", "/buy"), paid=True)
        assert (caught.value.kind, caught.value.charged, heard) == (FailureKind.UNAVAILABLE, False, [])
        monkeypatch.setenv("SSL_CERT_FILE", str(paper.authority))
        known = Http(base, lambda: {"token": "s3cret"})
        assert known.exchange(ASK, Request("POST", "/buy"), paid=True).status == 200
        known.close()
        thread.join(10)
    assert len(heard) == 1
