"""Loopback servers that tests send messages to: a mail server and a web server. They remember what they got."""

from __future__ import annotations

import base64
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class MailBox:
    """A mail server's port and what was delivered to it."""

    port: int = 0
    letters: list[EmailMessage] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    refuse: bool = False


@contextmanager
def mail_server(context: ssl.SSLContext | None = None, password: str = "") -> Iterator[MailBox]:
    """A small SMTP server; with `context` it offers STARTTLS, with `password` it asks for a login."""
    box = MailBox()

    class Session(socketserver.StreamRequestHandler):
        def say(self, line: str) -> None:
            self.wfile.write(line.encode() + b"\r\n")

        def handle(self) -> None:
            with suppress(ssl.SSLError):
                self.talk()

        def finish(self) -> None:
            super().finish()
            self.request.close()

        def talk(self) -> None:
            secure = False
            self.say("220 loopback")
            while line := self.rfile.readline().decode().strip():
                verb = line.split(" ")[0].upper()
                if verb == "EHLO":
                    offers = ["loopback", *(["STARTTLS"] if context and not secure else []), "AUTH PLAIN"]
                    for n, offer in enumerate(offers):
                        self.say(f"250{'-' if n < len(offers) - 1 else ' '}{offer}")
                elif verb == "STARTTLS" and context:
                    self.say("220 go ahead")
                    self.request = context.wrap_socket(self.request, server_side=True)
                    self.rfile.close()
                    self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)
                    secure = True
                elif verb == "AUTH":
                    given = base64.b64decode(line.split(" ")[-1]).decode()
                    box.logins.append(given.split("\0")[1])
                    self.say("235 welcome" if given.split("\0")[2] == password else "535 no: " + given)
                elif verb == "MAIL" and box.refuse:
                    self.say("451 later, dear ops@example.com")
                elif verb == "DATA":
                    self.say("354 go on")
                    data = b""
                    while not data.endswith(b"\r\n.\r\n"):
                        data += self.rfile.readline()
                    letter = message_from_bytes(data[:-5], policy=policy.default)
                    assert isinstance(letter, EmailMessage)
                    box.letters.append(letter)
                    box.encrypted.append(secure)
                    self.say("250 taken")
                elif verb == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 fine")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as server:
        server.daemon_threads = True
        box.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield box
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Posted:
    """One request: its path with the query, and its body."""

    path: str
    body: bytes


@dataclass
class WebBox:
    """A web server's URL and what was posted to it. `answers` are the next statuses, then 200."""

    url: str = ""
    posted: list[Posted] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    came: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, path: str) -> Posted:
        """The first request to this path."""
        with self.came:
            assert self.came.wait_for(lambda: any(p.path.startswith(path) for p in self.posted), 120)
        return next(p for p in self.posted if p.path.startswith(path))


@contextmanager
def web_server() -> Iterator[WebBox]:
    """A small web server that takes everything."""
    box = WebBox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            with box.came:
                box.posted.append(Posted(self.path, body))
                box.came.notify_all()
            self.send_response(box.answers.pop(0) if box.answers else 200)
            self.send_header("location", "http://192.0.2.1/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    box.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield box
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
