"""HTTP of uvicorn, which waits for a client as long as it likes: with an end to that, and to how much one may send.

Source: ASVS 4.2.1 (what a request may be, and smuggling) and 4.2.5 (the size of headers); RFC 9112 section 6.1.
"""

import asyncio
import secrets
from typing import Any, Final, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from gatepass.web import answers

#: Seconds from the opening of a connection, or from the first byte of a request, to the end of its headers; and from
#: the moment when a client takes no more of an answer to the end of waiting for it.
PATIENCE: Final = 10.0
#: Octets of a request line and its headers together. Our choice: eight times the longest cookie.
HEADERS: Final = 32_768
#: Browsers send about 20.
MOST_HEADERS: Final = 100
#: Open connections of one process: half of the files that a process may open where nobody changed that (1,024), so that
#: the database can always be opened.
MOST_CONNECTIONS: Final = 512


class StrictConnection(h11.Connection):
    """Refuses requests that two readers could read in two ways, or that have more headers than anybody needs."""

    def next_event(self) -> Any:
        """As of h11.

        Raises:
            h11.RemoteProtocolError: Here also for both lengths in one request, and for too many headers.
        """
        event = super().next_event()
        if isinstance(event, h11.Request):
            names = [name for name, _ in event.headers]
            if b"transfer-encoding" in names and b"content-length" in names:
                raise h11.RemoteProtocolError("two lengths")
            if len(names) > MOST_HEADERS or sum(map(len, map(b"".join, event.headers))) > HEADERS:
                raise h11.RemoteProtocolError("too many headers")
        return event


class PatientProtocol(H11Protocol):
    """Closes a connection whose headers do not come, or whose answer is not taken."""

    patience = PATIENCE
    most_connections = MOST_CONNECTIONS

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.conn = StrictConnection(h11.SERVER, HEADERS)
        self._waiting: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """As of asyncio."""
        super().connection_made(transport)
        if len(self.connections) > self.most_connections:
            transport.abort()
            return
        self._wait()

    def data_received(self, data: bytes) -> None:
        """As of asyncio: the clock stops when all headers are there, and starts with the first byte of the next."""
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self._waiting = _stop(self._waiting)
        elif self._waiting is None and before.response_complete:
            self._wait()

    def send_400_response(self, msg: str) -> None:
        """As of uvicorn, with the headers that every answer has, and an end for the request that this was part of."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        if self.conn.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:  # an answer is under way already
            self.transport.abort()
            return
        headers = {
            **answers.GUARD,
            "Content-Type": "text/plain; charset=utf-8",
            "Cache-Control": "no-store",
            "Content-Length": str(len(msg)),
            "X-Request-Id": secrets.token_hex(8),
            "Connection": "close",
        }
        answer = h11.Response(status_code=400, headers=list(headers.items()), reason=b"Bad Request")
        for event in (answer, h11.Data(data=msg.encode("ascii")), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def pause_writing(self) -> None:
        """As of asyncio: the client reads more slowly than we write, or not at all."""
        super().pause_writing()
        self._unread = self.loop.call_later(self.patience, self.transport.abort)

    def resume_writing(self) -> None:
        """As of asyncio."""
        self._unread = _stop(self._unread)
        super().resume_writing()

    def on_response_complete(self) -> None:
        """As of uvicorn: what was closed goes when the client has taken the rest, or does not take it."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._wait()

    def timeout_keep_alive_handler(self) -> None:
        """As of uvicorn."""
        super().timeout_keep_alive_handler()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """As of asyncio."""
        self._waiting = _stop(self._waiting)
        self._unread = _stop(self._unread)
        super().connection_lost(exc)

    def _wait(self) -> None:
        _ = _stop(self._waiting)
        self._waiting = self.loop.call_later(self.patience, self.transport.abort)

    def _should_upgrade(self) -> bool:
        return False  # there are no WebSockets here, and no library for them to recommend


def _stop(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    if timer is not None:
        timer.cancel()
    return None
