"""How credentials travel: what a client sends back is what it was sent, through that transport's own syntax."""

from http.cookies import SimpleCookie

from gatepass import Credentials


class Carried:
    """What a client holds after an answer, and sends with each request."""

    access: str
    refresh: str | None
    session_id: str


class Bearer(Carried):
    """In a JSON body, then in an Authorization header."""

    def __init__(self, credentials: Credentials) -> None:
        header = f"Bearer {credentials.access_token}"
        assert header.isascii()
        assert header.isprintable()
        self.access = header.partition(" ")[2]
        self.refresh = credentials.refresh_token
        self.session_id = credentials.session_id


class Cookie(Carried):
    """In Set-Cookie, then in Cookie: no character may need quoting, and name and value stay below 4,096 octets."""

    def __init__(self, credentials: Credentials) -> None:
        sent = {"access": credentials.access_token, "refresh": credentials.refresh_token}
        jar: SimpleCookie = SimpleCookie()
        for name, value in sent.items():
            if value is not None:
                header = f"{name}={value}"
                assert len(header) <= 4_096
                jar.load(header)
                assert jar[name].coded_value == value
        self.access = jar["access"].value
        self.refresh = jar["refresh"].value if "refresh" in jar else None
        self.session_id = credentials.session_id


TRANSPORTS = [Bearer, Cookie]
