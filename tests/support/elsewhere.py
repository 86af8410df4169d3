"""Another web site, on loopback: it serves the pages that a test gives it, and notes who came."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Elsewhere:
    """Reached under every name of loopback, and so part of this site or that."""

    port: int
    pages: dict[str, str] = field(default_factory=dict)
    #: The headers of each request.
    visits: list[dict[str, str]] = field(default_factory=list)

    def url(self, host: str) -> str:
        return f"http://{host}:{self.port}"


@contextmanager
def elsewhere() -> Iterator[Elsewhere]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.visits.append({name.lower(): value for name, value in self.headers.items()})
            body = site.pages.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            # As open as a site can be, to whoever brings something along.
            self.send_header("Access-Control-Allow-Origin", self.headers.get("Origin", "*"))
            self.send_header("Access-Control-Allow-Credentials", "true")
            self.send_header("Access-Control-Allow-Headers", "authorization, x-csrf-token")
            self.end_headers()
            self.wfile.write((body or "").encode())

        do_OPTIONS = do_GET  # noqa: N815  the base class calls it so

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site = Elsewhere(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
