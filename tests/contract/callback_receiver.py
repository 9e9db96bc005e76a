"""A server at which a sandbox's callbacks arrive."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue


class Receiver:
    """Where webhooks arrive; it answers with the statuses given, then 200."""

    def __init__(self) -> None:
        self.got: Queue[Delivery] = Queue()
        self.statuses: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                # Before the answer: what is sent after it has one place only, behind this one.
                outer.got.put(Delivery(self.path, body, headers))
                self.send_response(outer.statuses.pop(0) if outer.statuses else 200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/callbacks/vendor/token?from=test"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def next(self) -> Delivery:
        return self.got.get(timeout=10)

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Delivery:
    """One request that a receiver got."""

    def __init__(self, path: str, body: bytes, headers: dict[str, str]) -> None:
        self.path, self.body, self.headers = path, body, headers
        self.json = json.loads(body)
