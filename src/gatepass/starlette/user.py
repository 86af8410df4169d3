"""`request.user` and `request.auth`, for `starlette.authentication.requires` and for templates."""

from starlette.authentication import BaseUser

from gatepass.errors import CredentialError, MissingCredential
from gatepass.records import Identity
from gatepass.starlette.caller import Caller


class GatepassUser(BaseUser):
    """Who is calling, looked up when it is asked for the first time: `request.user`, and `request.auth` as well."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    @property
    def who(self) -> Identity | None:
        """All that is known of them; None where nobody proved who they are.

        Raises:
            StoreError: It cannot be known now.
            CsrfRefused, CredentialsAmbiguous: It is not safe to say.
            ExpiredCredential: The token of an access cookie has ended: it has to be renewed first.
        """
        try:
            return self._caller.plainly()
        except CredentialError as error:
            if self._caller.stale(error):
                raise
            return None

    @property
    def is_authenticated(self) -> bool:
        """Whether somebody proved who they are."""
        return self.who is not None

    @property
    def display_name(self) -> str:
        """The subject; the application knows a better name."""
        return self.identity if self.is_authenticated else ""

    @property
    def identity(self) -> str:
        """The subject."""
        who = self.who
        if who is None:
            raise MissingCredential
        return who.subject

    @property
    def scopes(self) -> list[str]:
        """`authenticated` and the roles: what `requires` compares with."""
        who = self.who
        return [] if who is None else ["authenticated", *sorted(who.roles)]
