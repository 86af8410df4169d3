"""The key file: one ring however many ask for it, whole at any moment, and for its owner alone."""

import fcntl
import importlib.util
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.crash import Stepwise

from gatepass.errors import ConfigurationError, StoreError
from gatepass.keys import EcKey, KeyFile, KeyRing, generate, load
from gatepass.keys import file as module
from gatepass.keys.keeper import _after_fork

TESTS = Path(__file__).parents[1]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "keys.json"


def names(ring: KeyRing) -> tuple[Any, ...]:
    """All that tells one ring from another, except the secrets."""
    return tuple(key.kid for key in ring.keys), tuple(root.kid for root in ring.roots)


def child(script: str, *arguments: str) -> "subprocess.Popen[str]":
    prelude = "import os, sys\nfrom gatepass.keys import KeyFile\n"
    return subprocess.Popen(
        [sys.executable, "-c", prelude + script, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])},
    )


# -- one ring for all --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["ES256", "HS256"])
def test_a_ring_is_made_once_and_found_again(path: Path, algorithm: str) -> None:
    ring = KeyFile(path, algorithm).ring()
    again = KeyFile(path).ring()

    assert names(ring) == names(again)
    assert ring.signing.alg == algorithm
    assert again.signing.verify(b"data", ring.signing.sign(b"data"))
    assert ring.refresh_key(ring.refresh_kid) == again.refresh_key(ring.refresh_kid)


def test_eight_processes_that_start_at_once_have_one_ring(path: Path) -> None:
    script = """
print("ready", flush=True)
sys.stdin.readline()
ring = KeyFile(sys.argv[1]).ring()
print(ring.signing.kid, ring.refresh_kid, ring.refresh_key(ring.refresh_kid).hex())
"""
    started = [child(script, str(path)) for _ in range(8)]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = {process.communicate()[0] for process in started}

    assert len(said) == 1
    assert KeyFile(path).ring().signing.kid in said.pop()


class Late(KeyFile):
    """Finds no file, and is second when it asks for the lock."""

    @contextmanager
    def _locked(self) -> Iterator[None]:
        if not self._path.exists():
            KeyFile(self._path).ring()
        with super()._locked():
            yield


def test_who_comes_second_takes_what_is_there(path: Path) -> None:
    assert names(Late(path).ring()) == names(KeyFile(path).ring())


def test_a_ring_is_read_again_only_if_the_file_has_changed(path: Path) -> None:
    one, other = KeyFile(path), KeyFile(path)
    ring = one.ring()

    assert one.ring() is ring
    rotated = other.rotate(at_once=True)
    assert names(one.ring()) == names(rotated) != names(ring)
    assert one.ring() is one.ring()


def test_a_rotation_adds_and_forgets_nothing(path: Path) -> None:
    file = KeyFile(path)
    first = file.ring()

    second = file.rotate(at_once=True)
    third = KeyFile(path).rotate(at_once=True)

    assert names(third) == (
        (third.signing.kid, second.signing.kid, first.signing.kid),
        (third.refresh_kid, second.refresh_kid, first.refresh_kid),
    )
    assert third.refresh_key(first.refresh_kid) == first.refresh_key(first.refresh_kid)


def test_two_that_rotate_at_once_both_count(path: Path) -> None:
    """The second holds a ring that is out of date, and must not write it back."""
    one, other = KeyFile(path), KeyFile(path)
    one.ring()
    other.ring()

    one.rotate(at_once=True)
    ring = other.rotate(at_once=True)

    assert len(ring.keys) == len(ring.roots) == 3


def test_a_public_key_that_was_published_ahead_stays_public(path: Path) -> None:
    ring = KeyFile(path).ring()
    ahead = load(generate("ES256").to_jwk())
    assert isinstance(ahead, EcKey)
    file = KeyFile(path)

    file._write(KeyRing(signing=ring.signing, others=(ahead,), roots=ring.roots))

    assert [key.can_sign for key in file.ring().keys] == [True, False]


# -- killed at any step ------------------------------------------------------------------------------------------------


def steps(folder: Path) -> list[str]:
    file = Stepwise(folder / "steps" / "keys.json")
    file.ring()
    taken: list[str] = []
    file.hear = taken.append
    file.rotate(at_once=True)
    return taken


def test_a_rotation_that_is_killed_leaves_the_old_ring_or_the_new_one(path: Path, tmp_path: Path) -> None:
    script = """
from support.crash import Stepwise

file = Stepwise(sys.argv[1])
file.hear = lambda step: step == sys.argv[2] and os._exit(9)
file.rotate(at_once=True)
"""
    for step in steps(tmp_path):
        before = KeyFile(path).ring()
        process = child(script, str(path), step)
        process.communicate()
        assert process.returncode == 9

        after = KeyFile(path).ring()
        assert len(after.keys) - len(before.keys) == (step in {"sync folder", "done"})
        assert {key.kid for key in before.keys} <= {key.kid for key in after.keys}
        assert len(KeyFile(path).rotate(at_once=True).keys) == len(after.keys) + 1


def test_the_steps_are_those_of_a_whole_replacement(tmp_path: Path) -> None:
    """Written and on the disk before it takes the place of the old one."""
    assert steps(tmp_path) == ["open", "write", "sync", "rename", "sync folder", "done"]


# -- for its owner alone -----------------------------------------------------------------------------------------------


def test_only_the_owner_can_read_what_is_made(path: Path) -> None:
    before = os.umask(0)
    try:
        KeyFile(path).rotate(at_once=True)
    finally:
        os.umask(before)

    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {
        "keys.json": 0o600,
        "keys.json.lock": 0o600,
    }


def refused(path: Path) -> ConfigurationError:
    """What `ring` and `rotate` say about the file at *path*, which they must leave as it is."""
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(ConfigurationError):
        KeyFile(path).rotate(at_once=True)
    with pytest.raises(ConfigurationError) as caught:
        KeyFile(path).ring()
    assert before == (path.read_bytes() if path.is_file() else None)
    assert caught.value.source == str(path)
    assert caught.value.fix
    return caught.value


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o777])
def test_a_file_that_others_may_touch_is_refused(path: Path, mode: int) -> None:
    KeyFile(path).ring()
    path.chmod(mode)

    assert f"{mode:04o}" in refused(path).cause


def test_a_file_of_another_user_is_refused(path: Path) -> None:
    KeyFile(path).ring()
    found = list(path.stat())
    found[4] += 1

    with pytest.raises(ConfigurationError, match="another user"):
        KeyFile(path)._check(os.stat_result(found))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file away")
def test_a_lock_of_another_user_is_refused(path: Path) -> None:
    """In a folder for all, such as /tmp: who has it open could hold us for ever."""
    path.parent.mkdir()
    path.parent.chmod(0o1777)
    lock = path.with_name("keys.json.lock")
    lock.touch(0o600)
    os.chown(lock, 65_534, 65_534)

    assert refused(path).cause == "the lock of the key file belongs to another user"
    os.chown(lock, 0, 0)
    assert KeyFile(path).ring()


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Somebody holds the lock."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with path.with_name("keys.json.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def test_a_lock_that_is_never_let_go_is_a_fault(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOCK_TIMEOUT", 0.05)
    with held(path), pytest.raises(StoreError, match="locked by another process"):
        KeyFile(path).ring()
    assert KeyFile(path).ring()


def test_a_lock_that_is_let_go_is_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused_once, found = threading.Event(), []

    def pause(seconds: float) -> None:
        refused_once.set()
        released.wait(10)

    released = threading.Event()
    monkeypatch.setattr(module, "sleep", pause)
    waiting = threading.Thread(target=lambda: found.append(KeyFile(path).ring()))
    with held(path):
        waiting.start()
        assert refused_once.wait(10)
        assert not found
    released.set()
    waiting.join()
    assert len(found) == 1


def test_a_draft_that_somebody_planted_gets_no_keys(path: Path, tmp_path: Path) -> None:
    """Who made it has it open, or by another name, and would read what is written into it."""
    path.parent.mkdir(mode=0o700)
    draft = path.with_name("keys.json.new")
    draft.write_text("planted")
    draft.chmod(0o666)
    (tmp_path / "stolen").hardlink_to(draft)
    with draft.open() as held:
        ring = KeyFile(path).ring()

        assert held.read() == (tmp_path / "stolen").read_text() == "planted"
    assert KeyFile(path).ring().signing.kid == ring.signing.kid
    assert not draft.exists()


@pytest.mark.parametrize("mode", [0o777, 0o702, 0o773, 0o770, 0o720])
def test_a_folder_that_others_may_write_to_is_refused(path: Path, mode: int) -> None:
    """They could move the file away; new keys log everybody out."""
    path.parent.mkdir()
    for made in (False, True):
        path.parent.chmod(mode)
        assert f"others may write to the folder of the key file (mode {mode:04o})" in refused(path).cause
        assert path.exists() == made
        for good in (
            0o700,
            0o750,
            0o755,
            mode | 0o1000,
        ):  # with the sticky bit, as /tmp has it, each may move only their own
            path.parent.chmod(good)
            assert KeyFile(path).ring()


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    KeyFile(path).ring()
    link = tmp_path / "link.json"
    link.symlink_to(path)

    refused(link)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)

    assert "not a file of keys" in refused(tmp_path / "pipe").cause


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir(mode=0o700)

    refused(tmp_path / "folder")


def test_a_path_through_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    assert "cannot be used" in refused(tmp_path / "file" / "keys.json").cause


def test_a_lock_that_cannot_be_opened_is_said(path: Path) -> None:
    path.with_name("keys.json.lock").mkdir(parents=True)

    assert "cannot be used" in refused(path).cause


def test_without_file_locks_it_is_said_at_use(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not at import: everything else works there."""
    monkeypatch.setitem(sys.modules, "fcntl", None)
    spec = importlib.util.spec_from_file_location("keys_elsewhere", module.__file__)
    assert spec is not None
    assert spec.loader is not None
    elsewhere = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(elsewhere)

    assert elsewhere.new_ring(now=0)
    with pytest.raises(ConfigurationError, match="cannot be locked"):
        elsewhere.KeyFile(path).ring()


# -- of our format -----------------------------------------------------------------------------------------------------


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(0o600)
    path.write_bytes(content)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"null", b"\xff", b"KEY=1", b'{"keys":[]}', b'{"a":1,"a":1}', b"[" * 9_999]
)
def test_a_file_of_something_else_is_refused(path: Path, content: bytes) -> None:
    write(path, content)

    refused(path)


def test_a_file_that_is_too_large_to_be_ours_is_refused(path: Path) -> None:
    write(path, b" " * (1 << 20) + b"x")

    assert "not a file of keys" in refused(path).cause


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        ({"gatepass_keys": 3}, "later version"),
        ({"gatepass_keys": 0}, "not one of ours"),
        ({"gatepass_keys": "1"}, "not one of ours"),
        ({"gatepass_keys": True}, "not one of ours"),
        ({"signing": None}, "not a JSON object"),
        ({"signing": {}}, "kty"),
        ({"others": None}, "not one of ours"),
        ({"others": [1]}, "not a JSON object"),
        ({"roots": None}, "not one of ours"),
        ({"roots": []}, "no root"),
        ({"roots": [1]}, "not one of ours"),
        ({"roots": [{}]}, "not one of ours"),
        ({"roots": [{"kid": "r", "secret": 1, "created_at": 1}]}, "not one of ours"),
        ({"roots": [{"kid": "r", "secret": "=", "created_at": 1}]}, "not one of ours"),
        ({"roots": [{"kid": "r", "secret": "AAAA", "created_at": 1}]}, "random bytes"),
        ({"roots": [{"kid": "r", "secret": "AAAA", "created_at": 1, "closed": 0}]}, "name or the date"),
        ({"roots": [{"kid": 1, "secret": "AAAA", "created_at": 1}]}, "name or the date"),
        ({"roots": [{"kid": "r", "secret": "AAAA", "created_at": "1"}]}, "name or the date"),
    ],
)
def test_a_file_that_was_changed_is_refused(path: Path, changed: dict[str, Any], cause: str) -> None:
    KeyFile(path).ring()
    document = json.loads(path.read_bytes())
    write(path, json.dumps({**document, **changed}).encode())

    assert cause in str(refused(path))


@pytest.mark.parametrize("name", ["gatepass_keys", "signing", "others", "roots"])
def test_a_file_that_lacks_a_part_is_refused(path: Path, name: str) -> None:
    KeyFile(path).ring()
    document = json.loads(path.read_bytes())
    del document[name]
    write(path, json.dumps(document).encode())

    assert "not one of ours" in refused(path).cause


def test_a_forked_process_has_a_lock_of_its_own(tmp_path: Path) -> None:
    """A thread of the parent may have held it, and the child does not have that thread."""
    file = KeyFile(tmp_path / "keys.json")
    ring = file.ring()
    file._mutex.acquire()

    _after_fork()

    assert file.ring() is ring
