"""Flows and their drivers: a question goes out, its answer or its fault comes back at the same place."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gatepass import StoreError
from gatepass.core.flow import Find, Flow, Forgive, Question, ask
from gatepass.drivers import run, run_async

Driver = Callable[[Flow[Any], Callable[[Question[Any]], Any]], Any]


def awaited(flow: Flow[Any], answer: Callable[[Question[Any]], Any]) -> Any:
    """`run_async`, with answers that take a turn of the loop."""

    async def slowly(question: Question[Any]) -> Any:
        await asyncio.sleep(0)
        return answer(question)

    return asyncio.run(run_async(flow, slowly))


@pytest.fixture(params=[run, awaited], ids=["plain", "async"])
def drive(request: pytest.FixtureRequest) -> Driver:
    driver: Driver = request.param
    return driver


def test_answers_come_back_where_they_were_asked_for(drive: Driver) -> None:
    def flow() -> Flow[list[Any]]:
        first = yield from ask(Find("a"))
        second = yield from ask(Find("b"))
        return [first, second]

    assert drive(flow(), lambda question: question.id * 2) == ["aa", "bb"]  # type: ignore[attr-defined]


def test_a_flow_that_asks_nothing_just_returns(drive: Driver) -> None:
    def flow() -> Flow[int]:
        yield from ()
        return 7

    def nobody(_: object) -> None:
        raise AssertionError

    assert drive(flow(), nobody) == 7


def test_a_fault_comes_back_where_it_was_asked_for(drive: Driver) -> None:
    """A flow may add what it knows; if it does nothing, the caller sees the fault itself."""

    def careful() -> Flow[str]:
        try:
            yield from ask(Find("a"))
        except StoreError as fault:
            yield from ask(Forgive("b"))
            return f"asked again after: {fault}"
        return "no fault"

    def careless() -> Flow[str]:
        yield from ask(Find("a"))
        return "no fault"

    def answer(question: Question[Any]) -> Any:
        if isinstance(question, Find):
            raise StoreError("down")

    assert drive(careful(), answer) == "asked again after: down"
    with pytest.raises(StoreError, match="down"):
        drive(careless(), answer)


def test_what_is_no_fault_of_ours_is_not_offered_to_the_flow(drive: Driver) -> None:
    """A bug in a store or in a hook goes straight to the caller."""

    def flow() -> Flow[str]:
        try:
            yield from ask(Find("a"))
        except Exception:  # noqa: BLE001
            return "swallowed"
        return ""

    def answer(_: object) -> Any:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        drive(flow(), answer)


def test_a_cancelled_request_closes_its_flow() -> None:
    """And nothing more is asked on its behalf."""
    seen: list[str] = []

    def flow() -> Flow[None]:
        try:
            yield from ask(Find("a"))
            yield from ask(Find("b"))
        finally:
            seen.append("closed")

    async def main() -> None:
        asked = asyncio.Event()

        def answer(question: Question[Any]) -> Awaitable[Any]:
            seen.append(question.id)  # type: ignore[attr-defined]
            asked.set()
            return asyncio.Event().wait()

        task = asyncio.create_task(run_async(flow(), answer))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert seen == ["a", "closed"]
