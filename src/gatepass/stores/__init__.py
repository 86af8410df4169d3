"""Where sessions and the revocation log live. A store answers questions; it decides nothing."""

from typing import Any, Protocol, runtime_checkable

from gatepass.core.flow import Question


@runtime_checkable
class Store(Protocol):
    """What a store has to do: answer each `StoreQuestion` in one atomic step, for plain and for async callers.

    `gatepass.stores.conformance` is the kit that tells whether it does.
    """

    def answer(self, question: Question[Any], /) -> Any:
        """The answer to *question*, of the type that the question names.

        Raises:
            StoreError: The store cannot answer. Unknown, expired and ended are answers, not errors.
        """

    async def answer_async(self, question: Question[Any], /) -> Any:
        """The same, for callers on an event loop: it may wait, but never blocks the loop on a write."""

    def close(self) -> None:
        """Write what was written behind and let go of files and connections. Closing twice is allowed."""
