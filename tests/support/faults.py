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
