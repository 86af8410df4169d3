"""Every error of gatepass, in one tree with one branch per decision a caller can make.

| branch | what the caller does |
|---|---|
| `CredentialError` | asks the person to log in again |
| `ExpiredCredential`, within it | renews first, where there is something to renew with |
| `LoginFailed` | says so, and nothing about why |
| `StepUpRequired` | asks the person to prove again who they are |
| `RequestRefused` | sends another request: this one is wrong whoever asks, or comes from the wrong page |
| `RoleRequired` | says that it is not allowed |
| `NotPossible` | asks for something that this session or configuration can do |
| `StoreError` | waits and tries again; somebody looks at the store |
| `Throttled` | waits as long as it says |
| `InternalError` | reads the log of the server |
| `ConfigurationError` | refuses to start; later, gives the subject fewer roles and claims |

`code` is for machines and stable; the message is for people and may change. Facts travel as attributes. No message
holds a part of a credential, because logs keep messages.
"""

from typing import Any, ClassVar


class GatepassError(Exception):
    """The root: catching it catches everything that gatepass raises on purpose."""

    #: Stable name of the refusal, the `code` of problem JSON (RFC 9457).
    code: ClassVar[str]
    #: The HTTP status that fits.
    status: ClassVar[int]

    #: What is said when the raiser adds nothing to it.
    sentence: ClassVar[str]

    def __init__(self, sentence: str | None = None, /) -> None:
        super().__init__(sentence or self.sentence)

    def __reduce__(self) -> tuple[Any, ...]:
        # By itself an exception is made again of its sentence, which is no argument of most of these. Another process
        # has to get what was raised, or a refusal there breaks the pool that it works for. So a cause that is not of
        # ours stays behind: it may hold anything, a connection for one, and cannot be made again.
        cause = self.__cause__ if isinstance(self.__cause__, GatepassError) else None
        return _again, (type(self), self.args, vars(self), cause, self.__suppress_context__)


def _again(
    kind: type[GatepassError],
    args: tuple[Any, ...],
    facts: dict[str, Any],
    cause: BaseException | None,
    suppressed: bool,
) -> GatepassError:
    error = kind.__new__(kind, *args)
    vars(error).update(facts)
    error.__cause__ = cause
    error.__suppress_context__ = suppressed
    return error


class CredentialError(GatepassError):
    """The credential proves nothing (any more): log in again."""

    status = 401


class MissingCredential(CredentialError):
    """The request carried no credential."""

    code = "credential_missing"
    sentence = "no credential was given"


class MalformedCredential(CredentialError):
    """The text is no credential of a kind that is checked here.

    Attributes:
        reason: Which rule of form was broken: a stable word such as `size`, `segments`, `base64url`, `header`, `json`.
    """

    code = "credential_malformed"
    sentence = "the credential is not well formed"

    def __init__(self, reason: str = "form") -> None:
        super().__init__(f"{self.sentence}: {reason}")
        self.reason = reason


class UnknownCredential(CredentialError):
    """Well formed, and not ours: no such session, not its secret, not our signature; which of them is not said.

    Attributes:
        reason: Which check refused a token: a stable word such as `key`, `signature`, `issuer`, `audience`, `typ`.
            Sessions never say more than `unknown`, or a stranger could ask which ids exist.
    """

    code = "credential_unknown"
    sentence = "the credential is not known here"

    def __init__(self, reason: str = "unknown") -> None:
        super().__init__(self.sentence if reason == "unknown" else f"{self.sentence}: {reason}")
        self.reason = reason


class ExpiredCredential(CredentialError):
    """It was good once, and its time is over. Renew it if there is a refresh token, else log in again.

    Attributes:
        expired_at: The first second at which it was no longer good; None when newer roles made it too old.
    """

    code = "credential_expired"
    sentence = "the credential has expired"

    def __init__(self, *, expired_at: int | None = None) -> None:
        super().__init__()
        self.expired_at = expired_at


class RevokedCredential(CredentialError):
    """It was good once, and was ended before its time: by a logout, an administrator, a limit.

    Attributes:
        ended_at: When, in seconds since the epoch; None where only the revocation log knows.
        replaced: Whether a login or a step-up took its place: its holder was given another one.
    """

    code = "credential_revoked"
    sentence = "the session was ended"

    def __init__(self, *, ended_at: int | None = None, replaced: bool = False) -> None:
        super().__init__()
        self.ended_at = ended_at
        self.replaced = replaced


class ReplayedCredential(CredentialError):
    """A refresh token came back after it had been exchanged.

    The session is already ended when this is raised: the caller or a thief holds the newer token, and we cannot tell
    which. Source: RFC 9700 section 4.14.2.

    Attributes:
        session_id: The session that was ended.
    """

    code = "credential_replayed"
    sentence = "the refresh token was already used; the session has been ended"

    def __init__(self, *, session_id: str) -> None:
        super().__init__()
        self.session_id = session_id


class LoginFailed(GatepassError):
    """This subject may not log in, or the proof was wrong. An application raises it too, for a wrong password."""

    code = "login_failed"
    status = 401
    sentence = "the login failed"


class StepUpRequired(GatepassError):
    """Who is calling is known, but it is too long ago that they proved it. Source: RFC 9470.

    Attributes:
        max_age: How many seconds ago it may be.
    """

    code = "step_up_required"
    status = 401
    sentence = "log in again to do this: it needs a recent login"

    def __init__(self, *, max_age: int) -> None:
        super().__init__()
        self.max_age = max_age


class RoleRequired(GatepassError):
    """Who is calling is known, and may not do this.

    Attributes:
        role: What they would have to be.
    """

    code = "role_required"
    status = 403
    sentence = "this needs a role that you do not have"

    def __init__(self, *, role: str) -> None:
        super().__init__()
        self.role = role


class RequestRefused(GatepassError):
    """The request itself is wrong, whatever credential it carries."""


class RequestMalformed(RequestRefused):
    """What came is no HTTP/1.1, or two readers could read it in two ways. Of the server only."""

    code = "request_malformed"
    status = 400
    sentence = "this is no HTTP request that can be read in one way only"


class CredentialsAmbiguous(RequestRefused):
    """Two credentials for one purpose, or one of our cookies twice: an attacker may have planted one of them."""

    code = "credentials_ambiguous"
    status = 400
    sentence = "the request carries more than one credential"


class CsrfRefused(RequestRefused):
    """A cookie came along with a request that no page of this application made, as far as can be seen.

    Attributes:
        reason: What was wrong: a stable word, `site`, `origin` or `token`.
    """

    code = "csrf_refused"
    status = 403
    sentence = "the request does not come from a page of this application"

    def __init__(self, reason: str) -> None:
        super().__init__(f"{self.sentence}: {reason}")
        self.reason = reason


class NotFound(RequestRefused):
    """There is no such thing, or it is somebody else's."""

    code = "not_found"
    status = 404
    sentence = "there is no such thing here"


class MethodNotAllowed(RequestRefused):
    """This is not done with that method, and no header or field changes the method.

    Attributes:
        allowed: The methods that are served.
    """

    code = "method_not_allowed"
    status = 405
    sentence = "this method is not served here"

    def __init__(self, *allowed: str) -> None:
        super().__init__()
        self.allowed = allowed


class BodyTooLarge(RequestRefused):
    """The body is longer than anything that is read here."""

    code = "body_too_large"
    status = 413
    sentence = "the body of the request is too large"


class MediaTypeUnsupported(RequestRefused):
    """The body is of a type that is not read here. What a form of another site can send is no JSON."""

    code = "media_type_unsupported"
    status = 415
    sentence = "the body of the request is of a type that is not read here"


class HostUnknown(RequestRefused):
    """The name that the request was sent to is none of ours: DNS rebinding looks like that, a wrong proxy too."""

    code = "host_unknown"
    status = 421
    sentence = "this host name is not served here"


class FieldsInvalid(RequestRefused):
    """The body is well formed and says something that cannot be meant.

    Attributes:
        problems: A sentence for each field, under the path of the field. What was sent is never in it.
    """

    code = "fields_invalid"
    status = 422
    sentence = "the fields of the request are not what they should be"

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__()
        self.problems = problems


class Throttled(GatepassError):
    """Too many tries: wait. Nothing was looked at, so it says nothing about what was tried.

    Attributes:
        retry_after: Seconds to wait.
        lasting: Whether waiting helps nobody: only a device that is known may go on, or an operator may.
    """

    code = "throttled"
    status = 429
    sentence = "too many tries"

    def __init__(self, retry_after: int, *, lasting: bool = False) -> None:
        super().__init__()
        self.retry_after = retry_after
        self.lasting = lasting


class NotPossible(GatepassError):
    """The request makes sense, but not for this session or this configuration."""

    status = 409


class AddressTaken(NotPossible):
    """The address has an account. Only open sign-up says so, which is why its setting has `insecure` in its name."""

    code = "address_taken"
    sentence = "there is an account with this address"


class ModeNotEnabled(NotPossible):
    """This mode cannot do that: a session or jwt credential be refreshed, a mode that is not accepted log in."""

    code = "mode_not_enabled"
    sentence = "this mode cannot do that"


class NoStore(NotPossible):
    """Stateless: no store holds the sessions, so there is nothing to list, update or end."""

    code = "no_store"
    sentence = "without a store no session is kept"


class KeyInUse(NotPossible):
    """The key still signs: refusing its tokens would refuse every new login too. Rotate first."""

    code = "key_in_use"
    sentence = "this key still signs; rotate first"


class NotRevocable(NotPossible):
    """A stateless token lives until its `exp`, whatever anybody wants.

    Attributes:
        seconds_left: How long it goes on being accepted.
    """

    code = "not_revocable"
    sentence = "a token without a store lives until it expires"

    def __init__(self, *, seconds_left: int) -> None:
        super().__init__(f"{self.sentence}, {seconds_left} seconds from now")
        self.seconds_left = seconds_left


class StoreError(GatepassError):
    """The store could not answer. Nothing was decided: never a 401, or clients throw good sessions away.

    Attributes:
        retry_after: Seconds after which it makes sense to ask again.
    """

    code = "store_unavailable"
    status = 503
    sentence = "the store cannot answer"
    retry_after = 1


class KeyUnavailable(StoreError):
    """This node does not hold the key that the session was made under; another one may. A fault, not a refusal."""

    sentence = "this node does not hold the key of that session"


class InternalError(GatepassError):
    """What nobody expected: the last resort of the server. What happened is in its log, and nowhere else."""

    code = "internal_error"
    status = 500
    sentence = "something went wrong here; the log has it under the X-Request-Id of this answer"


class ConfigurationError(GatepassError):
    """The configuration cannot work or is not safe. Raised at start.

    In the middle of a request one thing only: roles, claims or data of a subject are larger than what is kept.

    Attributes:
        cause: What is wrong.
        fix: What to do about it.
        source: Where the value came from: an argument, a file, a variable.
    """

    code = "configuration_refused"
    status = 500

    def __init__(self, *, cause: str, fix: str, source: str) -> None:
        super().__init__(f"{cause}. {fix} ({source})")
        self.cause = cause
        self.fix = fix
        self.source = source
