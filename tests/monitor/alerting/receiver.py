"""A real HTTP server on loopback that takes alerts, or behaves as badly as one can."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """`how` is `ok`, a status as text (`500`), `close` (hangs up without a word) or `hang` (says nothing till told)."""

    def __init__(self) -> None:
        self.how = "ok"
        self.may_go_on = threading.Event()
        self.heard: list[tuple[str, str, dict[str, Any]]] = []
        """Method, path, and what was in the body."""
        self._changed = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.answer(self)

            def do_GET(self) -> None:
                receiver.answer(self)

            def log_message(self, *_: object) -> None:
                """Nothing on stderr."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.port: int = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        raw = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        try:
            body = json.loads(raw) if raw else {}
        except ValueError:
            body = {"text": raw.decode()}
        with self._changed:
            self.heard.append((request.command, request.path, body))
            self._changed.notify_all()
        if self.how == "hang":
            self.may_go_on.wait(30)
        if self.how in ("close", "hang"):
            request.close_connection = True
            return
        request.send_response(200 if self.how == "ok" else int(self.how))
        request.send_header("Content-Length", "0")
        request.end_headers()

    def wait_for(self, count: int, timeout_s: float = 20.0) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.heard) >= count, timeout_s), self.heard

    @property
    def texts(self) -> list[str]:
        return [str(body.get("message", body.get("text", ""))) for _, _, body in self.heard]

    def close(self) -> None:
        self.may_go_on.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    try:
        yield made
    finally:
        made.close()
