"""E-mail addresses, written in one way only before anything is done with them (ASVS 6.3.8, CVE-2022-35924)."""

import unicodedata
from typing import Final

from email_validator import EmailNotValidError, validate_email

from gatepass.errors import FieldsInvalid

#: Octets of the longest address that mail can be sent to (RFC 5321 section 4.5.3.1.3, erratum 1690).
MOST: Final = 254


def normalised(text: str) -> str:
    """*text* as the one spelling of its address: in lower case, of compatible characters, its domain in Unicode.

    Upper and lower case before the `@` are the same here. No mail service that people have tells them apart.

    Raises:
        FieldsInvalid: It is no address, or more than one. It is not repeated.
    """
    if len(text) <= MOST:
        try:
            found = validate_email(
                unicodedata.normalize("NFKC", text.strip()),
                check_deliverability=False,
                strict=True,
                test_environment=True,  # allows the domain `test`, which no stranger has
            )
        except EmailNotValidError:
            pass
        else:
            return found.normalized.lower()
    raise FieldsInvalid({"email": "this is an e-mail address, such as ada@example.com"})
