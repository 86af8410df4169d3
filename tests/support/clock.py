"""The clock of the tests: it stands at one second until a test moves it."""

from gatepass import testing


class Clock(testing.Clock):
    """Begins where all tests begin."""

    def __init__(self, now: float = 1_900_000_000) -> None:
        super().__init__(now)
