"""A server of the decoder that notes every request, and that a browser takes for every host below `example`."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gatepass.server.decoder import served

DEADLINE = 10.0


@dataclass
class Recorder:
    """What came, as `GET localhost/decoder`, or `no HTTP`."""

    port: int
    seen: list[str] = field(default_factory=list)
    #: Is told of each of them.
    came: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        """Of the page, where browsers do cryptography."""
        return f"http://localhost:{self.port}/decoder"

    def until(self, part: str) -> None:
        """Wait for a request that holds *part*."""
        with self.came:
            assert self.came.wait_for(lambda: any(part in one for one in self.seen), DEADLINE), (part, self.seen)

    @property
    def rules(self) -> str:
        """An argument for Chromium: each of these names leads here, at every port."""
        return f"--host-resolver-rules=MAP *.example 127.0.0.1:{self.port}"


@contextmanager
def recorder() -> Iterator[Recorder]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def parse_request(self) -> bool:
            understood = super().parse_request()
            said = f"{self.command} {self.headers['Host'].partition(':')[0]}{self.path}" if understood else "no HTTP"
            with here.came:
                here.seen.append(said)
                here.came.notify_all()
            return understood

        def do_GET(self) -> None:
            found = self.path == "/decoder"
            page = served.file()
            headers = page.headers if found else {"Access-Control-Allow-Origin": "*"}
            body = page.body if found else b""
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_OPTIONS = do_GET  # noqa: N815  the base class calls it so

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True  # a browser keeps its connections open
    here = Recorder(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
