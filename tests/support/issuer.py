"""An issuer that publishes keys, on loopback: it answers as a test says, and notes who asked."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gatepass.keys import Key


def jwks(*keys: Key, more: tuple[object, ...] = ()) -> bytes:
    """The set of the public halves of *keys*, after the members *more*."""
    return json.dumps({"keys": [*more, *(key.to_jwk() for key in keys)]}).encode()


@dataclass
class Issuer:
    """What answers next, and who asked."""

    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    paths: list[str] = field(default_factory=list)
    #: Instead of an answer.
    instead: Callable[[BaseHTTPRequestHandler], None] | None = None


@contextmanager
def issuer() -> Iterator[Issuer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.paths.append(self.path)
            try:
                if made.instead is not None:
                    made.instead(self)
                    return
                self.send_response(made.status)
                for name, value in made.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(made.body)
            except OSError:
                pass  # whoever asked has hung up

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Issuer(f"http://127.0.0.1:{server.server_address[1]}/keys")
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
