"""Where requests to providers may lead: nowhere but to the configured host, whoever says otherwise."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from syncd.connector import Failure, FailureKind, Operation, Request
from syncd.http import Http


class Vendor(HTTPServer):
    """Redirects every request to `elsewhere`, and notes it."""

    elsewhere = "http://localhost:9/other"
    seen: list[str]


class Handler(BaseHTTPRequestHandler):
    server: Vendor

    def do_GET(self) -> None:
        self.server.seen.append(self.path)
        self.send_response(302)
        self.send_header("location", self.server.elsewhere)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    server = Vendor(("127.0.0.1", 0), Handler)
    server.seen = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def way(vendor: Vendor) -> Iterator[Http]:
    http = Http(f"http://127.0.0.1:{vendor.server_port}", lambda: {"token": "s3cret"})
    yield http
    http.close()


def test_a_redirect_is_an_answer_and_is_not_followed(vendor: Vendor, way: Http) -> None:
    vendor.elsewhere = f"http://localhost:{vendor.server_port}/elsewhere"
    answer = way.exchange(Operation("ask"), Request("GET", "/people"), paid=False)
    assert answer.status == 302
    assert vendor.seen == ["/people"]


@pytest.mark.parametrize(
    "url",
    [
        "https://public.example/file",
        "http://169.254.169.254/latest",
        "http://localhost/file",
        "file:///etc/passwd",
        "//x",
    ],
)
def test_a_download_address_that_leads_elsewhere_is_not_followed(vendor: Vendor, way: Http, url: str) -> None:
    with pytest.raises(Failure) as caught:
        way.exchange(Operation("file"), Request("GET", "/file", follow=url), paid=False)
    assert caught.value.kind is FailureKind.CONTRACT
    assert vendor.seen == []


@pytest.mark.parametrize("url", ["http://files.example/part", "ftp://files.example/part", "/part"])
def test_a_vendor_may_hand_out_addresses_under_https_only(url: str) -> None:
    http = Http("https://api.vendor.example", dict)
    with pytest.raises(Failure) as caught:
        http.exchange(Operation("file"), Request("GET", "/file", follow=url), paid=False)
    assert caught.value.kind is FailureKind.CONTRACT


def test_a_proxy_of_the_environment_is_not_used(
    vendor: Vendor, way: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert way.exchange(Operation("ask"), Request("GET", "/people"), paid=False).status == 302
