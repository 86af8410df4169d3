"""One answer of a server that may be slow, broken or hostile: by one deadline, and of so many octets at most.

`http.client` reads the answer: it follows no redirect, asks no proxy and unpacks nothing. Time and size are bounded
below it, where the octets come in: whatever it makes of lengths and chunks, it gets no more than this, and no later.
"""

import http.client
import io
import socket
import ssl
from collections.abc import Sequence
from contextlib import closing
from time import monotonic
from typing import Any, Final, NoReturn
from urllib.parse import SplitResult, urlsplit

from gatepass.errors import ConfigurationError

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_PORTS: Final = {"http": 80, "https": 443}


class Unanswered(Exception):
    """There is no good answer. The message says why, after "the server", and holds nothing that the server wrote."""


def address(url: object, source: str) -> SplitResult:
    """*url*, if it may be asked: https, or http on this machine, with no user in it.

    Args:
        url: What somebody configured.
        source: Where it came from, for the message of a refusal. The address is not in it.

    Raises:
        ConfigurationError: It may not.
    """
    if not isinstance(url, str):
        raise _refused("the address is not a text", source)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refused("the address is none", source) from None
    if parts.username is not None or parts.password is not None:
        raise _refused("the address holds a user or a password", source)
    if not parts.hostname or port == 0 or parts.fragment or not url.isascii() or not url.isprintable() or " " in url:
        raise _refused("the address is none", source)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise _refused("the address is not https", source)
    return parts


def _refused(cause: str, source: str) -> ConfigurationError:
    return ConfigurationError(
        cause=cause, fix="Give the https address of a JWK Set, without a user in it.", source=source
    )


def fetch(url: SplitResult, *, accept: str, timeout: float, end: float, most: int) -> tuple[bytes, str]:
    """What is served at *url*, and its `Cache-Control`.

    Args:
        url: One that `address` gave.
        accept: The media types to ask for.
        timeout: Seconds for all of it, for the message of a refusal.
        end: When they are over, on the clock of `time.monotonic`.
        most: Octets of the answer, with its header.

    Raises:
        Unanswered: There is no answer by then, or not one with status 200, or it is larger, cut short or garbled.
    """
    try:
        return _fetch(url, accept, end, most)
    except TimeoutError:
        raise Unanswered(f"gave no whole answer within {timeout:g} seconds") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unanswered(_words(error)) from error


def _words(error: Exception) -> str:
    match error:
        case UnicodeError():
            return "has no name that can be looked up"
        case socket.gaierror():
            return f"has a name that cannot be looked up: {error.strerror}"
        case ssl.SSLCertVerificationError():
            return f"has a certificate that is not trusted: {error.verify_message}"
        case ssl.SSLError():
            return f"does not speak TLS as it should: {error.reason}"
        case OSError() if error.strerror:
            return f"cannot be reached: {error.strerror}"
        case _:  # lines, lengths and chunks that are none; also a connection that is closed without a word
            return _GARBLED


_GARBLED: Final = "gave an answer that is cut short, or is not HTTP"


def _fetch(url: SplitResult, accept: str, end: float, most: int) -> tuple[bytes, str]:
    host = str(url.hostname)
    # Looking up a name has no time-out of its own: whoever waits for this has one.
    found = socket.getaddrinfo(host, url.port or _PORTS[url.scheme], type=socket.SOCK_STREAM)
    with closing(_secured(connected(found, end), url, end)) as line:
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        line.settimeout(_left(end))
        line.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {url.netloc}\r\nAccept: {accept}\r\nAccept-Encoding: identity\r\n"
            "User-Agent: gatepass\r\nConnection: close\r\n\r\n".encode()
        )
        # It wants nothing of a socket but a file to read from.
        answer = http.client.HTTPResponse(_Bounded(line, end, most), method="GET")  # type: ignore[arg-type]
        answer.begin()
        if answer.status != http.client.OK:  # nor a redirect: it would be another address than the one that is trusted
            raise Unanswered(f"answers with status {answer.status}")
        if (answer.length or 0) > most:  # before there is room made for it
            _too_large(most)
        body = answer.read(most)
        if answer.length:
            raise Unanswered(_GARBLED)
        return body, answer.headers.get("Cache-Control", "")


def connected(addresses: Sequence[tuple[Any, ...]], end: float) -> socket.socket:
    """A connection to the first of *addresses* that takes one.

    Args:
        addresses: As `socket.getaddrinfo` gives them. One that is silent leaves time for those that are left.
        end: When the time is over, on the clock of `time.monotonic`.

    Raises:
        OSError: None does by then; what is said is what the last of them said.
    """
    trouble = OSError("no address was given")
    for number, (family, kind, protocol, _, place) in enumerate(addresses):
        try:
            line = socket.socket(family, kind, protocol)
            try:
                line.settimeout(_left(end) / (len(addresses) - number))
                line.connect(place)
            except OSError:
                line.close()
                raise
        except OSError as error:
            trouble = error
        else:
            return line
    raise trouble


def _secured(line: socket.socket, url: SplitResult, end: float) -> socket.socket:
    if url.scheme != "https":
        return line
    with closing(line):  # it is taken out of there when the other takes over
        context = ssl.create_default_context()
        line.settimeout(_left(end))
        _ = line.getpeername()  # of one that was reset meanwhile, `wrap_socket` would leave its own open
        return context.wrap_socket(line, server_hostname=url.hostname)


class _Bounded(io.RawIOBase):
    """What comes in on a connection, until its time is over or it has become too much."""

    def __init__(self, line: socket.socket, end: float, most: int) -> None:
        self._line = line
        self._end = end
        self._most = self._room = most

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        self._line.settimeout(_left(self._end))
        count = self._line.recv_into(buffer)
        self._room -= count
        if self._room < 0:
            _too_large(self._most)
        return count


def _too_large(most: int) -> NoReturn:
    raise Unanswered(f"gave an answer of more than {most} octets")


def _left(end: float) -> float:
    left = end - monotonic()
    if left <= 0:
        raise TimeoutError
    return left
