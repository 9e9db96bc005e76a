"""The listener: who connects is heard at once, and nobody holds its connections by being slow."""

from __future__ import annotations

import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from itertools import count

import pytest
from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.responses import Response

from syncd.bounded import Bounded
from syncd.config import Listen
from syncd.web import CONNECTIONS, Web, application


class Hasty(Bounded):
    head_s = 0.3


class Patient(Bounded):
    head_s = 600.0


class Waiting(Patient):
    answer_s = 0.3


Open = Callable[..., socket.socket]


async def _large(request: Request) -> Response:
    return Response(b"x" * 20_000_000)


@pytest.fixture
def listening() -> Iterator[Callable[[type[Bounded]], Web]]:
    begun: list[Web] = []

    def start(connection: type[Bounded]) -> Web:
        well = lambda: (True, "well")  # noqa: E731
        app = application(CollectorRegistry(), well, well, _large)
        web = Web(app, Listen("127.0.0.1", 0), connection)
        begun.append(web)
        web.start()
        return web

    yield start
    for web in begun:
        web.stop()


@pytest.fixture
def opened() -> Iterator[Open]:
    held: list[socket.socket] = []

    def connect(web: Web, said: bytes = b"") -> socket.socket:
        made = socket.create_connection((web.address.host, web.address.port), timeout=30)
        held.append(made)
        made.sendall(said)
        return made

    yield connect
    for one in held:
        one.close()


def ended(connection: socket.socket) -> bool:
    """Waits until the other side has ended it."""
    try:
        while connection.recv(65_536):
            pass
    except ConnectionResetError:
        pass
    return True


def heard(connection: socket.socket, answers: int) -> None:
    """Waits for so many answers of /livez."""
    got = b""
    while got.count(b"well\n") < answers:
        got += connection.recv(65_536)


def alive(web: Web) -> int:
    try:
        with urllib.request.urlopen(f"http://{web.address}/livez", timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_who_connects_as_soon_as_it_is_started_is_heard(
    listening: Callable[[type[Bounded]], Web],
) -> None:
    for _ in range(5):
        assert alive(listening(Bounded)) == 200


@pytest.mark.parametrize(
    "said",
    [b"", b"GET /livez HTTP/1.1\r\nhost: x\r\nx-slow: "],
    ids=["silent", "in the middle of a head"],
)
def test_slow_heads_hold_no_connection_and_then_others_are_served_again(
    listening: Callable[[type[Bounded]], Web], opened: Open, said: bytes
) -> None:
    web = listening(Hasty)
    held = [opened(web, said) for _ in range(CONNECTIONS + 10)]
    assert all(ended(one) for one in held)
    assert alive(web) == 200


def test_while_every_connection_is_held_others_are_told_so(
    listening: Callable[[type[Bounded]], Web], opened: Open
) -> None:
    web = listening(Patient)
    held = [opened(web, b"GET /livez HTTP/1.1\r\nhost: x\r\n") for _ in range(CONNECTIONS)]
    assert alive(web) == 503
    held[0].sendall(b"\r\n")
    assert held[0].recv(65_536).startswith(b"HTTP/1.1 503")


def test_a_head_that_never_ends_is_cut_off_by_its_size(
    listening: Callable[[type[Bounded]], Web], opened: Open
) -> None:
    web = listening(Patient)
    one = opened(web, b"GET /livez HTTP/1.1\r\nx: ")
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        one.sendall(b"y" * 50_000_000)
    assert alive(web) == 200


def test_an_answer_that_nobody_takes_holds_no_connection_for_ever(
    listening: Callable[[type[Bounded]], Web], opened: Open
) -> None:
    web = listening(Waiting)
    one = opened(web, b"POST /callbacks/a/b HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
    assert one.recv(10, socket.MSG_PEEK) == b"HTTP/1.1 2"
    for _ in range(CONNECTIONS - 2):
        opened(web)
    # With the one that asks, every connection is taken until the answer is given up.
    assert any(alive(web) == 200 for _ in range(3000))


def test_a_connection_may_ask_again_and_again(
    listening: Callable[[type[Bounded]], Web], opened: Open
) -> None:
    web = listening(Bounded)
    one = opened(web)
    for _ in range(20):
        one.sendall(b"GET /livez HTTP/1.1\r\nhost: x\r\nx: " + b"y" * 4000 + b"\r\n\r\n")
        heard(one, 1)
    one.sendall(2 * b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
    heard(one, 2)


def test_who_asks_after_a_while_hears_another_date(
    listening: Callable[[type[Bounded]], Web], opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    dates = count()
    monkeypatch.setattr("syncd.web.DATE_S", 0.01)
    monkeypatch.setattr("uvicorn.server.formatdate", lambda *_, **__: f"day {next(dates)}")
    one = opened(listening(Bounded))
    days: set[bytes] = set()
    while len(days) < 3:
        one.sendall(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
        got = b""
        while not got.endswith(b"well\n"):
            got += one.recv(65_536)
        days |= {line for line in got.split(b"\r\n") if line.startswith(b"date: day ")}


def test_it_ends_at_once_though_it_sleeps(
    listening: Callable[[type[Bounded]], Web], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncd.web.DATE_S", 3600.0)
    web = listening(Bounded)
    assert alive(web) == 200
    web.stop()
    assert "web" not in {thread.name for thread in threading.enumerate()}
