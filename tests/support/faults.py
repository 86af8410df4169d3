"""Stores that fail on purpose, around a real one."""

from collections.abc import Callable
from typing import Any

from gatepass import StoreError
from gatepass.core.flow import Question
from gatepass.stores import Store


class Asked:
    """Passes every question on to *store*, and keeps note of them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.asked: list[Question[Any]] = []

    def answer(self, question: Question[Any], /) -> Any:
        return self._answer(question, self._store.answer)

    async def answer_async(self, question: Question[Any], /) -> Any:
        before = self._answer(question, lambda asked: asked)
        return await self._store.answer_async(before)

    def _answer(self, question: Question[Any], carry: Callable[[Question[Any]], Any]) -> Any:
        self.asked.append(question)
        return carry(question)

    def close(self) -> None:
        self._store.close()


class Meanwhile(Asked):
    """Lets something happen in the middle of a flow: right before or right after a question of one kind.

    It happens at the first such question, or, with *always*, at each.
    """

    def __init__(
        self,
        store: Store,
        deed: Callable[[], object],
        *,
        before: type[Question[Any]] | None = None,
        after: type[Question[Any]] | None = None,
        always: bool = False,
    ) -> None:
        super().__init__(store)
        self._deed: Callable[[], object] | None = deed
        self._before, self._after, self._always = before, after, always

    def answer(self, question: Question[Any], /) -> Any:
        self._happen(type(question), self._before)
        answer = super().answer(question)
        self._happen(type(question), self._after)
        return answer

    async def answer_async(self, question: Question[Any], /) -> Any:
        self._happen(type(question), self._before)
        answer = await super().answer_async(question)
        self._happen(type(question), self._after)
        return answer

    def _happen(self, kind: type[Question[Any]], when: type[Question[Any]] | None) -> None:
        if kind is when and self._deed is not None:
            deed = self._deed
            if not self._always:
                self._deed = None
            deed()


class Faulty(Asked):
    """Fails at one question, counted from when that was asked for."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._left: int | None = None
        self.failed: Question[Any] | None = None

    def fail_at(self, index: int) -> None:
        self._left = index

    def _answer(self, question: Question[Any], carry: Callable[[Question[Any]], Any]) -> Any:
        if self._left is not None:
            if self._left == 0:
                self._left, self.failed = None, question
                raise StoreError("planted")
            self._left -= 1
        return super()._answer(question, carry)
