"""Which passwords are good enough, and what a check of one costs."""

import asyncio
import sys
import threading
import unicodedata
from asyncio import wrap_future
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

import argon2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zxcvbn import matching, zxcvbn
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from gatepass.accounts import passwords as module
from gatepass.accounts.passwords import CONCURRENT, LEAST, MOST, WAITING, Passwords, acceptable
from gatepass.errors import FieldsInvalid, StoreError

GOOD = "seventeen quiet walruses"
ABOUT = ("ada.lovelace@example.com", "gatepass")


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    return Passwords()


def refused(password: str) -> str:
    with pytest.raises(FieldsInvalid) as refusal:
        acceptable(password, about=ABOUT)
    (sentence,) = refusal.value.problems.values()
    assert password not in sentence or not password
    return sentence


def spread(length: int) -> str:
    """A password of this length that nobody guesses."""
    return "".join(chr(0x4E00 + 37 * number % 5_000) for number in range(length))


@pytest.mark.parametrize("length", [LEAST, 16, 64, 65, 71, 72, 73, MOST])
def test_a_password_may_be_long_and_all_of_it_counts(length: int, passwords: Passwords) -> None:
    """72 is where bcrypt stops to look."""
    password = spread(length)
    kept = passwords.hash(password, about=ABOUT).result()

    assert passwords.verify(kept, password).result().ok
    assert not passwords.verify(kept, password[:-1] + "x").result().ok
    assert not passwords.verify(kept, password[:-1]).result().ok


@pytest.mark.parametrize("length", [0, 1, 7, 8, LEAST - 1])
def test_a_short_password_is_refused_whatever_is_in_it(length: int) -> None:
    """NIST SP 800-63B-4: 15 where a password is all that is asked for."""
    assert str(LEAST) in refused(spread(length)) or length == 0


@pytest.mark.parametrize("length", [MOST + 1, 1_000, 10_485_760])
def test_a_password_that_is_too_long_is_refused_before_any_work(length: int, passwords: Passwords) -> None:
    assert str(MOST) in refused("x" * length)
    assert not passwords.verify(None, "x" * length).result().ok


@pytest.mark.parametrize("odd", ["\0", "\ud800"])
def test_what_no_keyboard_makes_is_refused(odd: str) -> None:
    assert refused(GOOD + odd)


def test_there_are_no_rules_about_letters_and_digits() -> None:
    for password in (GOOD, GOOD.upper(), "walruses walk quietly at dawn", spread(20), "  spaces  stay  here  "):
        assert acceptable(password, about=ABOUT) == password


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_a_password_is_the_same_on_every_keyboard(form: str, passwords: Passwords) -> None:
    kept = passwords.hash("zwölf größere Ångström ﬁ", about=ABOUT).result()
    assert passwords.verify(kept, unicodedata.normalize(form, "zwölf größere Ångström ﬁ")).result().ok  # type: ignore[arg-type]


@pytest.mark.parametrize("letter", ["ö", "ǖ", "ᾂ"])
def test_a_keyboard_that_sends_a_letter_in_parts_may_send_as_many_letters(letter: str) -> None:
    """In two, three and four parts: they are put together before they are counted."""
    password = unicodedata.normalize("NFC", spread(MOST - 20) + letter * 20)
    in_parts = unicodedata.normalize("NFD", password)
    assert len(in_parts) > len(password) == MOST
    assert acceptable(in_parts, about=ABOUT) == password
    assert "easy to guess" in refused(unicodedata.normalize("NFD", letter * MOST)), "and not: too long"


def test_common_passwords_are_refused() -> None:
    """The whole list, as far as it is long enough; and those of any length, made longer by what people do."""
    common = FREQUENCY_LISTS["passwords"]
    long_enough = [password for password in common if len(password) >= LEAST]
    assert len(long_enough) > 20
    made_longer = [(word * LEAST)[: max(LEAST, 2 * len(word))] for word in common[:3_000:10]]
    for password in [*long_enough, *made_longer]:
        assert "easy to guess" in refused(password)


@pytest.mark.parametrize(
    "password",
    [
        "ada.lovelace@example.com",
        "gatepassgatepass",
        "aaaaaaaaaaaaaaaa",
        "1234567890123456",
        "qwertyuiopasdfgh",
        "P@ssw0rdP@ssw0rd",
        "iloveyouiloveyou",
        "correct horse battery staple",
        "Correct-Horse-Battery 2026!",
        "May the Force be with you",
    ],
)
def test_what_a_guesser_tries_first_is_refused(password: str) -> None:
    assert "easy to guess" in refused(password)


@pytest.mark.parametrize("length", [LEAST, 24, 47, 48, 64, MOST])
def test_ones_own_address_is_refused_however_long_it_is(length: int) -> None:
    domain = "@example.com"
    address = spread(length - len(domain)) + domain
    with pytest.raises(FieldsInvalid):
        acceptable(address, about=[address])
    assert acceptable(address, about=["grace@example.net"]) == address, "which nobody else would guess"


def test_what_is_known_of_one_user_is_not_looked_for_in_the_password_of_another() -> None:
    """zxcvbn has one list for all threads: without a lock it holds what the last of them wrote."""
    words = [spread(16)[::-1] + chr(0x3041 + number) * 2 for number in range(8)]
    barrier, wrong = threading.Barrier(len(words)), []

    def choose(word: str) -> None:
        barrier.wait()
        for other in [other for other in words if other != word]:
            try:
                acceptable(word, about=[word])
                wrong.append("own")
            except FieldsInvalid:
                pass
            try:
                acceptable(word, about=[other])
            except FieldsInvalid:
                wrong.append("another's")

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # seconds: threads take turns at every chance
    try:
        threads = [threading.Thread(target=choose, args=(word,)) for word in words]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert not wrong


@pytest.mark.parametrize(
    "password", ["4@({[<1!|$57+698230%4@({[<1!|$57+698230%", "4@8({[<3691!|70$5+%2" * 6, "{[(<" * 12 + "14@!|$5+769"]
)
def test_there_are_not_too_many_ways_to_read_a_password(password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each sign that may stand for several letters is tried as each of them: with all signs, 736 times, for seconds."""
    looked: list[int] = []
    look_up = matching.dictionary_match

    def counted(text: str, *args: Any, **options: Any) -> Any:
        looked.append(len(text))
        return look_up(text, *args, **options)

    monkeypatch.setattr(matching, "dictionary_match", counted)
    with suppress(FieldsInvalid):
        acceptable(password, about=ABOUT)
    assert 0 < len(looked) < 400
    assert max(looked) <= 48

    looked.clear()
    zxcvbn("4@8({[<3691!|70$5+%2")
    assert len(looked) > 400, "which it is without us"


@pytest.mark.parametrize("digits", ["1", "1234", "12345", "123456", "1234567", "٠٣٠٣٠", "1/1/1991"])
def test_lines_are_no_mistake_of_ours(digits: str) -> None:
    """The library that looks for dates takes the end of a line for a digit, and fails."""
    assert acceptable(f"{digits}\nseventeen walruses", about=ABOUT)


@given(
    st.lists(
        st.sampled_from(["12", "345", "1991", "٣", "/", "-", " ", "\n", "\r\n", "a", "İ", "ß"]),
        min_size=15,
        max_size=48,
    )
)
def test_any_digits_and_lines_are_a_password_or_refused(parts: list[str]) -> None:
    with suppress(FieldsInvalid):
        assert acceptable("".join(parts), about=ABOUT)


@given(st.text(max_size=200))
def test_any_text_is_a_password_or_refused(password: str) -> None:
    try:
        given = acceptable(password, about=ABOUT)
    except FieldsInvalid:
        return
    assert LEAST <= len(given) <= MOST
    assert acceptable(given, about=ABOUT) == given


def test_a_hash_says_how_it_was_made(passwords: Passwords) -> None:
    """RFC 9106 section 4, its second recommendation."""
    kept = argon2.extract_parameters(passwords.hash(GOOD, about=ABOUT).result())
    assert (kept.type, kept.memory_cost, kept.time_cost, kept.parallelism) == (argon2.Type.ID, 65_536, 3, 4)
    assert (kept.hash_len, kept.salt_len) == (32, 16)


def test_a_hash_of_older_parameters_is_outdated(passwords: Passwords) -> None:
    older = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(GOOD)

    assert passwords.verify(older, GOOD).result() == (True, True)
    assert passwords.verify(older, GOOD + "!").result() == (False, False)
    assert passwords.verify(passwords.rehash(GOOD).result(), GOOD).result() == (True, False)


@pytest.mark.parametrize("password", [GOOD, "", "\0", "\ud800", "x" * 1_000_000])
def test_nobody_has_a_password_and_finding_out_costs_one_hash(passwords: Passwords, password: str) -> None:
    before = passwords.hashes
    assert not passwords.verify(None, password).result().ok
    assert passwords.hashes == before + 1


@pytest.mark.parametrize("kept", ["", "x", "$argon2id$", "plain text", GOOD])
def test_what_is_no_hash_fits_no_password(passwords: Passwords, kept: str) -> None:
    assert not passwords.verify(kept, GOOD).result().ok


def test_no_more_hashes_are_made_at_once_than_memory_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them stands in the hash until all that may have come in; those beyond wait, and those beyond are told."""
    most, waiting, entered, gate = 3, 5, [], threading.Event()
    inside = threading.Semaphore(0)
    passwords = Passwords(concurrent=most, waiting=waiting)

    def slow(*_: object) -> str:
        entered.append(threading.get_ident())
        inside.release()
        assert gate.wait(10)
        return "hash"

    # Not what is tested here, and it takes the time that this test cannot.
    monkeypatch.setattr(module, "_normalised", slow)
    futures = [passwords.verify(None, GOOD) for _ in range(most + waiting)]
    with pytest.raises(StoreError):
        passwords.verify(None, GOOD)
    for _ in range(most):
        assert inside.acquire(timeout=10)
    assert not inside.acquire(blocking=False)
    assert len(entered) == most
    gate.set()
    assert not any(future.result(10).ok for future in futures)
    assert passwords.verify(None, GOOD).result(10), "and the queue is empty again"
    passwords.close()


def test_whoever_is_known_does_not_wait_behind_strangers(passwords: Passwords) -> None:
    """Of those there may be any number, and a stranger who sends them would keep everybody out."""
    held = threading.Event()
    strangers = [passwords._submit(held.wait, "", "net") for _ in range(CONCURRENT + WAITING)]
    try:
        kept = passwords.hash(GOOD, about=(), known="ada").result(10)
        assert passwords.verify(kept, GOOD, known="ada").result(10).ok
        assert not any(future.done() for future in strangers)
        with pytest.raises(StoreError):
            passwords.verify(kept, GOOD, network="net")
    finally:
        held.set()
    assert all(future.result(10) for future in strangers)


@pytest.mark.parametrize("lane", ["known", "network"])
def test_those_who_wait_take_turns(lane: str) -> None:
    """One account with many devices, or one network with many accounts, waits behind itself."""
    passwords, began = Passwords(concurrent=1), []
    held, inside = threading.Event(), threading.Event()

    def asking(whose: str) -> Any:
        def work() -> None:
            began.append(whose)
            inside.set()
            assert held.wait(10)

        return passwords._submit(work, whose if lane == "known" else "", whose)

    futures = [asking("mal")]
    assert inside.wait(10)
    futures += [asking(whose) for whose in ("mal", "mal", "mal", "kim", "lee", "kim")]
    held.set()
    for future in futures:
        future.result(10)
    passwords.close()

    assert began == ["mal", "mal", "kim", "lee", "mal", "kim", "mal"]


def test_where_there_is_no_room_those_who_ask_for_most_make_it() -> None:
    """Else whoever fills it keeps everybody out. Nobody has to make room for an equal."""
    passwords, held, inside = Passwords(concurrent=1, waiting=4), threading.Event(), threading.Event()

    def first() -> bool:
        inside.set()
        return held.wait(10)

    begun = passwords._submit(first, "", "mal")
    assert inside.wait(10)
    theirs = [passwords._submit(lambda: True, "", "mal") for _ in range(4)]
    mine = passwords._submit(lambda: True, "", "kim")
    with pytest.raises(StoreError):
        theirs[-1].result(0)
    another = passwords._submit(lambda: True, "", "lee")
    with pytest.raises(StoreError):
        theirs[-2].result(0)
    for whose in ("mal", "kim", "lee"):  # two, one and one of them wait
        with pytest.raises(StoreError):
            passwords._submit(lambda: True, "", whose)
    held.set()

    assert all(future.result(10) for future in (begun, *theirs[:2], mine, another))
    assert passwords.verify(None, GOOD, network="mal").result(10) == (False, False), "and there is room again"
    passwords.close()


@pytest.mark.parametrize("lane", ["known", "network"])
def test_nobody_waits_when_the_end_is_near(lane: str) -> None:
    """What was begun is finished, who waits is told, and who comes finds a free thread or is told, too."""
    passwords, held, inside = Passwords(concurrent=1), threading.Event(), threading.Event()

    def asking(work: Callable[[], bool]) -> Future[bool]:
        return passwords._submit(work, "ada" if lane == "known" else "", "net")

    def first() -> bool:
        inside.set()
        return held.wait(10)

    begun = asking(first)
    assert inside.wait(10)
    waiting = [asking(lambda: True) for _ in range(3)]
    passwords.drain()
    for future in waiting:
        with pytest.raises(StoreError, match="the server is ending"):
            future.result(0)
    with pytest.raises(StoreError):
        asking(lambda: True)
    held.set()

    assert begun.result(10)
    for _ in range(20):  # one after another there is always a thread for them, and at once
        assert asking(lambda: True).result(10)
    passwords.close()


def test_what_waits_when_the_server_ends_is_let_go() -> None:
    """Nobody hangs, and nothing more is hashed."""
    passwords, held, inside = Passwords(concurrent=1), threading.Event(), threading.Event()

    def first() -> bool:
        inside.set()
        return held.wait(10)

    begun = passwords._submit(first, "", "ada")
    assert inside.wait(10)
    waiting = [passwords._submit(lambda: True, "", whose) for whose in ("ada", "bob")]
    passwords.close()
    held.set()

    assert begun.result(10)
    assert all(future.cancelled() for future in waiting)


def test_the_loop_goes_on_while_passwords_are_hashed(passwords: Passwords) -> None:
    async def log_in_and_count() -> int:
        checks = asyncio.gather(*(wrap_future(passwords.verify(None, GOOD)) for _ in range(8)))
        turns = 0
        while not checks.done():
            turns += 1
            await asyncio.sleep(0)
        return turns

    assert asyncio.run(log_in_and_count()) > 8
