"""A clock that tests set."""


class Clock:
    """Seconds since the epoch, moved by hand."""

    def __init__(self, now: float = 1_900_000_000) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds
