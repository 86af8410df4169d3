"""The right of a node to answer from its own copy.

It has that right while its copy is known to be complete. Nodes do not follow the log by themselves yet, so the only
way to know is to read the log to its head, in a read that began after the request arrived.
"""

from gatepass.core.flow import Flow, Tail, ask
from gatepass.core.revocation import Denylist
from gatepass.errors import StoreError

#: Entries per read. A node that is up to date reads none.
PAGE = 10_000
#: More pages than a full denylist has; beyond that the log grows faster than it is read.
PAGES = 1_000


def confirm(denylist: Denylist, now: int) -> Flow[None]:
    """Bring *denylist* up to the head of the log.

    Afterwards it holds every revocation that was acknowledged before this was called, and may be asked.

    Args:
        denylist: This node's copy.
        now: Seconds since the epoch.

    Raises:
        StoreError: The head was not reached. No check may be answered.
    """
    for _ in range(PAGES):
        answer = yield from ask(Tail(denylist.cursor, PAGE))
        if denylist.apply(answer, now):
            return
    raise StoreError("the revocation log grows faster than it can be read")
