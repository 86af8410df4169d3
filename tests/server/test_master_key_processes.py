"""Servers whose keys are sealed in their store, as processes: one ring, and all follow what the shell does to it."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.command import Process, gatepass, running
from support.inside import EMAIL, PASSWORD
from support.keepers import MASTER
from support.register import REGISTER

PUBLIC = "http://localhost:8400"


def asked(server: Process, method: str, path: str, *, token: str = "", **body: str) -> httpx.Response:
    headers = {"Host": "localhost:8400", **({"Authorization": f"Bearer {token}"} if token else {})}
    return httpx.request(method, server.url + path, headers=headers, json=body or None)


def registered(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    held: dict[str, Any] = answer.json()
    REGISTER.credentials.update((held["access_token"], held["refresh_token"]))
    return held


def logged_in(server: Process) -> dict[str, Any]:
    return registered(asked(server, "POST", "/auth/login", email=EMAIL, password=PASSWORD, transport="bearer"))


def renewed(server: Process, held: dict[str, Any]) -> dict[str, Any]:
    return registered(asked(server, "POST", "/auth/refresh", refresh_token=held["refresh_token"]))


def statuses(servers: tuple[Process, ...], *held: dict[str, Any]) -> set[int]:
    """What each of *servers* says of each credential."""
    return {
        asked(server, "GET", "/auth/me", token=one["access_token"]).status_code for server in servers for one in held
    }


@pytest.mark.timeout(90)
def test_servers_on_one_store_follow_each_rotation_and_retirement(tmp_path: Path) -> None:
    """One is given the master key itself and the other its file. They are told of nothing, and nobody is logged out."""

    def told(*words: str) -> Any:
        return json.loads(gatepass(tmp_path, *words, "--json", GATEPASS_MASTER_KEY=MASTER).stdout)

    REGISTER.places.append(tmp_path / ".gatepass" / "gatepass.db")
    file = tmp_path / "master.key"
    file.touch(0o600)
    file.write_text(MASTER)
    words = ("serve", "--port", "0", "--workers")
    with (
        running(tmp_path, *words, "1", GATEPASS_ISSUER=PUBLIC, GATEPASS_MASTER_KEY=MASTER) as one,
        running(tmp_path, *words, "2", GATEPASS_ISSUER=PUBLIC, GATEPASS_MASTER_KEY="./master.key") as other,
    ):
        gatepass(tmp_path, "user", "add", EMAIL, "--password-file", "-", said=PASSWORD, GATEPASS_MASTER_KEY=MASTER)
        both = (one, other)
        here, there = logged_in(one), logged_in(other)
        assert statuses(both, here, there) == {200}
        [key] = told("key", "list")["keys"]

        told("key", "rotate", "--at-once")
        assert statuses(both, here, there) == {200}
        here = renewed(other, here)
        assert statuses(both, here, there) == {200}

        told("key", "retire", key["kid"])
        assert statuses(both, there) == {401}
        there = renewed(one, there)
        assert statuses(both, here, there) == {200}

        for server in both:
            assert MASTER not in server.log.read_text()
            assert not [line for line in server.lines() if line["level"] in {"WARNING", "ERROR"}]
    assert not (tmp_path / ".gatepass" / "keys.json").exists()
