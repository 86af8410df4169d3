"""What a request carries: headers, credentials, and where it says that it comes from. Understood as it is asked for."""

from typing import Final, Literal, NamedTuple, TypeAlias, get_args
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.types import Scope

from gatepass.core import cookies
from gatepass.core.cookies import Purpose
from gatepass.core.origin import SAFE, doubtful
from gatepass.errors import BodyTooLarge, CredentialsAmbiguous, MalformedCredential, MissingCredential
from gatepass.records import Client
from gatepass.web.bodies import FORM, MOST, media_type
from gatepass.web.site import Place, Site

Transport: TypeAlias = Literal["cookie", "bearer"]
TRANSPORTS: Final = get_args(Transport)


class Credential(NamedTuple):
    """The one that a check goes by, and how it came."""

    transport: Transport
    text: str
    #: Of the cookie; None for a bearer token.
    purpose: Purpose | None = None


class Carried:
    """What one request carries.

    Args:
        scope: Its ASGI scope, of HTTP or of a WebSocket.
        site: Where the application is reached.
    """

    __slots__ = (
        "_client",
        "_cookies",
        "_found",
        "_headers",
        "_place",
        "_scheme",
        "_site",
        "method",
        "path",
        "query",
        "root",
    )

    def __init__(self, scope: Scope, site: Site) -> None:
        # Taken out of the scope, which is not kept: it holds the caller, and the two would hold each other until the
        # next garbage collection, with all that is in them.
        self._headers: list[tuple[bytes, bytes]] = scope["headers"]
        self._client = scope.get("client")
        self._scheme: str = scope.get("scheme", "http")  # a server may leave that one out
        self._site = site
        #: Of a WebSocket it is empty: its handshake is a GET, and what it opens is not safe.
        self.method: str = scope["method"] if scope["type"] == "http" else ""
        self.path: str = scope["path"]
        #: As it was sent, without the question mark.
        self.query: bytes = scope.get("query_string", b"")
        #: Where the application lies. Routers that it mounts write their own path over that of the scope.
        self.root: str = scope.get("root_path", "")
        self._found: tuple[list[bytes], list[bytes]] | None = None
        self._cookies: dict[Purpose, str] | None = None
        self._place: Place | None = None

    # -- headers -------------------------------------------------------------------------------------------------------

    def headers(self, name: bytes) -> list[str]:
        """The values of all headers of this name, which is in lower case."""
        return [value.decode("latin-1") for key, value in self._headers if key == name]

    def header(self, name: bytes) -> str | None:
        """The value of the one header of this name; None where there is none, or more than one."""
        values = self.headers(name)
        return values[0] if len(values) == 1 else None

    def client(self) -> Client:
        """Where the request came from, as the server saw it."""
        return Client(ip=self._client[0] if self._client else "", user_agent=self.header(b"user-agent") or "")

    # -- credentials ---------------------------------------------------------------------------------------------------

    def _proofs(self) -> tuple[list[bytes], list[bytes]]:
        """The values of all `Authorization` and of all `Cookie` headers, looked for once."""
        if self._found is None:
            authorizations: list[bytes] = []
            jars: list[bytes] = []
            for name, value in self._headers:
                if name == b"cookie":
                    jars.append(value)
                elif name == b"authorization":
                    authorizations.append(value)
            self._found = authorizations, jars
        return self._found

    def bearer(self) -> str | None:
        """The bearer token; None where no `Authorization` header has one. Other schemes are somebody else's.

        Raises:
            CredentialsAmbiguous: There are several such headers, and one has one.
            MalformedCredential: There is the scheme and no token.
        """
        authorizations, _ = self._proofs()
        tokens = [value[7:].strip(b" ") for value in authorizations if value[:7].lower() in {b"bearer ", b"bearer"}]
        if not tokens:
            return None
        if len(authorizations) > 1:
            raise CredentialsAmbiguous
        if not tokens[0]:
            raise MalformedCredential("scheme")
        return str(tokens[0], "latin-1")

    def cookies(self) -> dict[Purpose, str]:
        """Our cookies, by what they are for.

        Raises:
            CredentialsAmbiguous: One is there twice.
        """
        if self._cookies is None:
            _, jars = self._proofs()
            place = self.place() if jars else None
            self._cookies = {} if place is None else place.cookies.read(jars)
        return self._cookies

    def credential(self) -> Credential:
        """The credential that a check goes by. A bearer token goes first, and where it is bad no cookie is tried.

        Raises:
            MissingCredential: There is none.
            MalformedCredential, CredentialsAmbiguous: It cannot be told which it is.
        """
        token = self.bearer()
        if token is not None:
            return Credential("bearer", token)
        cookie = cookies.one(self.cookies())
        if cookie is None:
            raise MissingCredential
        purpose, value = cookie
        return Credential("cookie", value, purpose)

    def sole(self, credential: Credential) -> None:
        """Return if nothing else in the request is a credential for a check.

        Raises:
            CredentialsAmbiguous: There is a cookie beside a good bearer token, and nobody knows who planted which.
        """
        if credential.transport == "bearer" and cookies.one(self.cookies()) is not None:
            raise CredentialsAmbiguous

    # -- where it comes from -------------------------------------------------------------------------------------------

    def place(self) -> Place | None:
        """Where the request reached the application, as far as cookies go."""
        if self._place is None:
            self._place = self._site.fixed or self._site.find(*self._reached())
        return self._place

    def serve(self) -> Place:
        """Where the request reached the application, if that is a name of ours.

        Raises:
            HostUnknown: It is not.
        """
        return self._site.serve(*self._reached())

    def _reached(self) -> tuple[str, list[str], str]:
        scheme = {"ws": "http", "wss": "https"}.get(self._scheme, self._scheme)
        return scheme, self.headers(b"host"), self.root

    def unsafe(self, credential: Credential) -> bool:
        """Whether a browser may have been made to send *credential* along with something that changes things."""
        return credential.transport != "bearer" and self.method not in SAFE

    def doubtful(self) -> bool:
        """Whether only a CSRF token can tell that a page of ours made the request.

        Raises:
            CsrfRefused: None did.
        """
        place = self.place()
        return doubtful(
            sites=self.headers(b"sec-fetch-site"),
            origins=self.headers(b"origin"),
            allowed=frozenset() if place is None else place.allowed,
            ours=bool(self.cookies()),
        )

    async def csrf_token(self, request: HTTPConnection | None) -> str | None:
        """The CSRF token, from its header or from a form.

        Args:
            request: The request in hand, if there is one: it keeps the form for the route to read once more.
        """
        token = self.header(b"x-csrf-token")
        if token is not None or not isinstance(request, Request):
            return token
        form = getattr(request, "_form", None)  # a route of FastAPI has read it before
        if form is not None:
            found = form.get("csrf_token")
            return found if isinstance(found, str) else None
        if media_type(self.headers(b"content-type")) != FORM:
            return None
        try:
            fields = parse_qs((await read(request)).decode("latin-1"), max_num_fields=100)
        except (ValueError, ClientDisconnect, BodyTooLarge):
            return None  # more of it than any form of a page has, or nobody there any more
        except RuntimeError:
            return None  # the route has read it as a stream, which cannot be read twice
        return fields.get("csrf_token", [None])[0]

    def navigation(self) -> bool:
        """Whether a person is waiting for a page, and can be sent to another one."""
        if self.method != "GET":
            return False
        mode, target = self.header(b"sec-fetch-mode"), self.header(b"sec-fetch-dest")
        if mode not in {None, "navigate"} or target not in {None, "document"}:
            return False
        return any("text/html" in value for value in self.headers(b"accept"))


async def read(request: Request) -> bytes:
    """The body of *request*, which keeps it for the route to read once more.

    Raises:
        BodyTooLarge: It is longer than what is read here: found out by counting, whatever it says of its length.
        ClientDisconnect: Nobody is there any more.
        RuntimeError: It has been read as a stream.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST:
            raise BodyTooLarge
    request._body = body  # noqa: SLF001  where `Request.body` keeps it
    return body
