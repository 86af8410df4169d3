"""Gates that enter every credential they issue, for the last test to look for."""

from typing import Any

from gatepass import AsyncGate, Credentials, Gate
from support.register import REGISTER


class RegisteringGate(Gate):
    """Enters every credential that it issues."""

    def login(self, *args: Any, **options: Any) -> Credentials:
        return REGISTER.issued(super().login(*args, **options))

    def refresh(self, *args: Any, **options: Any) -> Credentials:
        return REGISTER.issued(super().refresh(*args, **options))

    def step_up(self, *args: Any, **options: Any) -> Credentials:
        return REGISTER.issued(super().step_up(*args, **options))


class RegisteringAsyncGate(AsyncGate):
    """The same, awaited."""

    async def login(self, *args: Any, **options: Any) -> Credentials:
        return REGISTER.issued(await super().login(*args, **options))

    async def refresh(self, *args: Any, **options: Any) -> Credentials:
        return REGISTER.issued(await super().refresh(*args, **options))

    async def step_up(self, *args: Any, **options: Any) -> Credentials:
        return REGISTER.issued(await super().step_up(*args, **options))
