"""HTTP of uvicorn, which waits for a client as long as it likes: with an end to that, and to how much one may send.

Source: ASVS 4.2.1 (what a request may be, and smuggling) and 4.2.5 (the size of headers); RFC 9112 section 6.1.
"""

import asyncio
import re
import secrets
from typing import Any, ClassVar, Final, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from gatepass.errors import RequestMalformed
from gatepass.server.audit import request_id
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
#: The lengths that the head of a request says, with the lines that go on with them: of equal ones h11 makes one.
_LENGTH: Final = re.compile(rb"^content-length[ \t]*:((?:[^\n]|\n[ \t])*)", re.IGNORECASE | re.MULTILINE)


class StrictConnection(h11.Connection):
    """Refuses requests that two readers could read in two ways, or that have more headers than anybody needs."""

    def next_event(self) -> Any:
        """As of h11.

        Raises:
            h11.RemoteProtocolError: Here also for more than one length in a request, and for too many headers.
        """
        before = self.trailing_data[0] if self.their_state is h11.IDLE else b""
        event = super().next_event()
        if isinstance(event, h11.Request):
            names = [name for name, _ in event.headers]
            if b"content-length" in names:
                lengths = _LENGTH.findall(before, 0, len(before) - len(self.trailing_data[0]))
                if b"transfer-encoding" in names or len(lengths) != 1 or b"," in lengths[0]:
                    raise h11.RemoteProtocolError("two lengths")
            if len(names) > MOST_HEADERS or sum(map(len, map(b"".join, event.headers))) > HEADERS:
                raise h11.RemoteProtocolError("too many headers")
        return event


class PatientProtocol(H11Protocol):
    """Closes a connection whose headers do not come, or whose answer is not taken."""

    patience = PATIENCE
    most_connections = MOST_CONNECTIONS
    #: Headers of an address that is https.
    transport_headers: ClassVar[dict[str, str]] = {}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.conn = StrictConnection(h11.SERVER, HEADERS)
        self._waiting: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        #: When the last request of this connection was answered or begun, or else when it was opened.
        self._rests_since = self.loop.time()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """As of asyncio."""
        super().connection_made(transport)
        self._wait()
        if len(self.connections) > self.most_connections:
            self._make_room()

    def _make_room(self) -> None:
        """Hang up on who has kept us waiting for the longest, so that who does ask finds a place; else on this one.

        One client could hold all of them, and need not say anything.
        """
        resting = [one for one in cast("set[PatientProtocol]", self.connections) if one.rests]
        unlucky = min(resting, key=lambda one: one._rests_since)  # noqa: SLF001  one of us
        self.connections.discard(unlucky)  # it is counted no more, though its end is only seen later
        unlucky.transport.abort()

    @property
    def rests(self) -> bool:
        """Whether it is the client that is waited for: no request has come as a whole, or all are answered."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is None or cycle.response_complete or cycle.more_body

    def handle_events(self) -> None:
        """As of uvicorn, whose line about what cannot be read has the id of our answer to it."""
        token = request_id.set(secrets.token_hex(8))
        try:
            super().handle_events()
        finally:
            request_id.reset(token)

    def data_received(self, data: bytes) -> None:
        """As of asyncio: the clock stops when all headers are there, and starts with the first byte of the next."""
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self._waiting = _stop(self._waiting)
            self._rests_since = self.loop.time()
        elif self._waiting is None and before.response_complete:
            self._wait()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  it is in the log
        """As of uvicorn, with the headers that every answer has, and an end for the request that this was part of."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        if self.conn.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:  # an answer is under way already
            self.transport.abort()
            return
        told = answers.problem(RequestMalformed())
        headers = {
            **told.headers,
            **self.transport_headers,
            "Content-Length": str(len(told.body)),
            "X-Request-Id": request_id.get(),
            "Connection": "close",
        }
        answer = h11.Response(status_code=400, headers=list(headers.items()), reason=b"Bad Request")
        for event in (answer, h11.Data(data=told.body), h11.EndOfMessage()):
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
        self._rests_since = self.loop.time()
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


class SecureProtocol(PatientProtocol):
    """The same, where the public address is https."""

    transport_headers = answers.TRANSPORT


def _stop(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    if timer is not None:
        timer.cancel()
    return None
