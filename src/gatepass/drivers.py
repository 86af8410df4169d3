"""Two drivers carry a flow's questions to whoever answers them, and the answers back: one plain, one awaited.

A fault of the answerer is thrown into the flow at the question that it belongs to, so that a flow may add a fact to
it; nobody here decides anything.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from gatepass.core.flow import Flow, Question
from gatepass.errors import GatepassError

T = TypeVar("T")


def run(flow: Flow[T], answer: Callable[[Question[Any]], Any]) -> T:
    """Run *flow* to its end and return what it returns; *answer* takes a question and returns its answer."""
    try:
        question = next(flow)
        while True:
            try:
                reply = answer(question)
            except GatepassError as error:
                question = flow.throw(error)
            else:
                question = flow.send(reply)
    except StopIteration as end:
        result: T = end.value
        return result


async def run_async(flow: Flow[T], answer: Callable[[Question[Any]], Awaitable[Any]]) -> T:
    """Run *flow* to its end, awaiting each answer. Cancelled while it waits, it closes the flow at that question."""
    try:
        question = next(flow)
        while True:
            try:
                reply = await answer(question)
            except GatepassError as error:
                question = flow.throw(error)
            else:
                question = flow.send(reply)
    except StopIteration as end:
        result: T = end.value
        return result
