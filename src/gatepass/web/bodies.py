"""What we are told: the bodies that our own routes read. Small, of a named type, and with nothing unknown in them."""

from collections.abc import Collection, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

from gatepass.core.strict import read_object
from gatepass.errors import FieldsInvalid, MalformedCredential, MediaTypeUnsupported

#: Octets of the longest body that is read: several times the longest token.
MOST: Final = 16_384

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"


def media_type(values: Sequence[str]) -> str | None:
    """The type that a body says it has, without parameters; None where nothing is said.

    Raises:
        MediaTypeUnsupported: It says so twice.
    """
    if len(values) > 1:
        raise MediaTypeUnsupported
    return values[0].partition(";")[0].strip().lower() if values else None


def read(body: bytes, said: str | None, *, fields: Collection[str], form: Collection[str] = ()) -> dict[str, str]:
    """The fields of *body*, all of them texts.

    Args:
        body: All of it.
        said: Its `media_type`.
        fields: What JSON may have.
        form: What a form may have; empty where no form is read. What a form of another site can send is no JSON, so
            every other type is refused (ASVS 3.5.2).

    Raises:
        MediaTypeUnsupported: It is not of a type that is read here.
        FieldsInvalid: Its form is broken, or a field is unknown, or no text.
    """
    if said is None and not body:
        return {}
    if said == FORM and (form or not body):
        return _checked(_form(body), form)
    if said != JSON:
        raise MediaTypeUnsupported
    if not body:
        return {}
    try:
        found: dict[str, Any] = read_object(body)
    except MalformedCredential:
        raise FieldsInvalid({"": "this is no JSON object"}) from None
    return _checked(found, fields)


def _form(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=8, errors="strict"
        )
    except ValueError:
        raise FieldsInvalid({"": "this is no form"}) from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise FieldsInvalid({"": "a field is there twice"})
    return found


def _checked(found: dict[str, Any], known: Collection[str]) -> dict[str, str]:
    problems = {}
    if any(name not in known for name in found):
        problems[""] = "there is a field that is not known here"  # its name is what was sent, and stays unsaid
    problems.update({name: "this is a text" for name in known if name in found and type(found[name]) is not str})
    if problems:
        raise FieldsInvalid(problems)
    return found
