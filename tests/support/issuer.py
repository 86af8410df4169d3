"""An issuer that publishes keys, on loopback: it answers as a test says, and notes who asked."""

import json
import ssl
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


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever asked has hung up, or does not believe who this is: nothing to print."""


@contextmanager
def issuer(context: ssl.SSLContext | None = None) -> Iterator[Issuer]:
    """An issuer that speaks TLS as *context* says, to whoever calls it localhost; HTTP without one."""

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

    server = _Server(("127.0.0.1", 0), Handler)
    if context is None:
        made = Issuer(f"http://127.0.0.1:{server.server_address[1]}/keys")
    else:
        # The handshake is left to the thread that answers, or one that never ends would keep the others out.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        made = Issuer(f"https://localhost:{server.server_address[1]}/keys")
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
