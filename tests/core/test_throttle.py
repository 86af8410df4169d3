"""How many guesses there are: for an account, for a known device, from one address."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepass.core import throttle
from gatepass.core.throttle import ACCOUNT, ADDRESS, IN_A_ROW, LONGEST, SIGNUP
from gatepass.drivers import run
from gatepass.errors import Throttled
from gatepass.stores.memory import MemoryStore
from gatepass.stores.sqlite import SqliteStore

NOW = 1_900_000_000
HOME, ABROAD = "198.51.100.7", "203.0.113.9"


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    store = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "gatepass.db")
    yield store
    store.close()


def wait(store: Any, *, address: str = HOME, account: str = "ada", device: str | None = None, now: int = NOW) -> int:
    """The seconds to wait; 0 where the try goes on to its hash."""
    found = tried(store, address=address, account=account, device=device, now=now)
    return 0 if found is None else found.retry_after


def tried(
    store: Any, *, address: str, account: str = "ada", device: str | None = None, now: int = NOW
) -> Throttled | None:
    """Why a try is refused; None where it goes on to its hash."""
    try:
        run(throttle.attempt(address=address, account=account, device=device, now=now), store.answer)
    except Throttled as error:
        return error
    return None


def right(store: Any, *, account: str = "ada", device: str | None = None) -> None:
    run(throttle.succeeded(account=account, device=device), store.answer)


def addresses() -> Iterator[str]:
    """One that was not used before, each time."""
    for number in range(1 << 20):
        yield f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"


def test_of_five_hundred_guesses_at_once_five_go_on(store: Any) -> None:
    barrier = threading.Barrier(50)
    went_on: list[int] = []

    def guess() -> None:
        barrier.wait()
        went_on.extend(number for number in range(10) if not wait(store, address=f"192.0.2.{number}"))

    threads = [threading.Thread(target=guess) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(went_on) == ACCOUNT[0].limit == 5


def test_the_waits_grow_up_to_fifteen_minutes(store: Any) -> None:
    """Somebody who tries again as soon as they may, from a new address each time."""
    now, waits, where = NOW, [], addresses()
    for _ in range(40):
        if seconds := wait(store, address=next(where), now=now):
            waits.append(seconds)
            now += seconds
    assert waits[:4] == [60, 240, 600, 60]
    assert max(waits) <= 900


def test_after_a_hundred_failures_in_a_row_only_a_known_device_may_try(store: Any) -> None:
    now, went_on, where = NOW, 0, addresses()
    while (found := tried(store, address=next(where), now=now)) is None or not found.lasting:
        went_on += found is None
        now += 0 if found is None else found.retry_after
    assert went_on == IN_A_ROW.limit == 100
    late = tried(store, address=ABROAD, now=now + 300 * 86_400)
    assert late is not None
    assert late.lasting, "it helps nobody to wait"
    assert wait(store, address=ABROAD, now=now) == LONGEST == 900, "nobody is told to come again in a year"
    assert not wait(store, address=ABROAD, device="known", now=now)
    right(store, device="known")
    assert not wait(store, address=next(where), now=now), "its success begins the count anew"


def test_what_is_refused_counts_for_nothing_larger(store: Any) -> None:
    """Else whoever hammers would use up the hundred in a minute, and nobody new could log in."""
    where = addresses()
    for _ in range(500):
        wait(store, address=next(where))
    went_on = sum(not wait(store, address=next(where), now=NOW + 1_000) for _ in range(9))
    assert went_on == ACCOUNT[0].limit


def test_a_stranger_does_not_lock_a_known_device_out(store: Any) -> None:
    """At full rate for ten minutes, from as many addresses as there are."""
    where = addresses()
    for second in range(0, 600, 5):
        for _ in range(5):
            wait(store, address=next(where), now=NOW + second)
    assert wait(store, address=next(where), now=NOW + 600), "somebody lost"
    assert not wait(store, address=HOME, device="known", now=NOW + 600)


def test_a_known_device_has_a_count_of_its_own_and_it_is_no_larger(store: Any) -> None:
    went_on = [wait(store, address=f"192.0.2.{number}", device="stolen") for number in range(9)]
    assert went_on.count(0) == ACCOUNT[0].limit
    assert not wait(store), "and the account's is untouched"


def test_a_device_that_two_people_use_has_a_count_for_each(store: Any) -> None:
    """Or whoever mistypes keeps the others of a family out, and whoever gets in has ever new guesses at the others."""
    while not wait(store, account="ada", device="tablet"):
        pass
    assert not wait(store, account="grace", device="tablet")
    right(store, account="grace", device="tablet")
    assert wait(store, account="ada", device="tablet")


def test_a_success_takes_the_tries_of_its_account_back_and_no_others(store: Any) -> None:
    for account in ("ada", "grace"):
        while not wait(store, account=account):
            pass
    right(store)
    assert not wait(store)
    assert wait(store, account="grace")


def test_a_success_takes_nothing_back_for_its_address(store: Any) -> None:
    """Or whoever has an account could guess at those of others for ever."""
    for number in range(ADDRESS[0].limit):
        assert not wait(store, account=f"victim {number}")
        right(store, account=f"victim {number}")
    assert wait(store, account="the next")
    assert not wait(store, account="the next", address=ABROAD)


def test_sign_ups_are_counted_by_address(store: Any) -> None:
    def sign_up(address: str) -> None:
        run(throttle.sign_up(address=address, now=NOW), store.answer)

    for _ in range(SIGNUP[0].limit):
        sign_up(HOME)
    with pytest.raises(Throttled):
        sign_up(HOME)
    sign_up(ABROAD)


def test_the_store_does_not_say_who_was_guessed_at(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "gatepass.db")
    wait(store, account="ada@example.com", device="device")
    store.close()
    assert b"ada@" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("2001:db8::1", "2001:DB8::1", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("", "testclient", True),
        ("", "192.0.2.1", False),
    ],
)
def test_a_client_is_an_address_of_ipv4_or_a_network_of_ipv6(one: str, other: str, same: bool) -> None:
    assert (throttle.network(one) == throttle.network(other)) is same


@given(st.text())
def test_any_text_is_an_address(text: str) -> None:
    assert throttle.network(text)


@given(st.text(), st.text())
def test_any_text_is_an_account(account: str, device: str) -> None:
    assert not wait(MemoryStore(), account=account, device=device)
