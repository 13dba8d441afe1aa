"""Keys in a file: hashed, compared in constant time, changed while others read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.cli import main
from rag.errors import InputError, StoreDamaged
from rag.keys import Caller, KeyStore, Scope, check_collection


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "keys.json")


def test_a_secret_leads_to_its_caller_and_nothing_else_does(store: KeyStore) -> None:
    key, secret = store.add("anna", Scope.WRITE, ["sports", "press", "sports"])
    assert store.caller(secret) == Caller(key.id, Scope.WRITE, ("sports", "press"))
    assert [store.caller(wrong) for wrong in ("", secret[:-1], secret + "x", key.digest, key.id)] == [
        None
    ] * 5


def test_the_secret_is_kept_nowhere_and_the_file_is_for_its_owner_only(
    store: KeyStore, tmp_path: Path
) -> None:
    _, secret = store.add("anna", Scope.READ)
    assert not any(secret in file.read_text() for file in tmp_path.iterdir())
    assert (tmp_path / "keys.json").stat().st_mode & 0o077 == 0


def test_a_running_service_sees_what_another_process_changes(store: KeyStore, tmp_path: Path) -> None:
    other = KeyStore(tmp_path / "keys.json")
    assert other.all() == ()
    key, secret = store.add("anna", Scope.READ)
    assert other.caller(secret) is not None
    store.revoke(key.id)
    assert other.caller(secret) is None


def test_a_key_that_is_not_there_cannot_be_revoked(store: KeyStore) -> None:
    with pytest.raises(InputError, match="rag keys list"):
        store.revoke("nobody")


def test_a_damaged_file_lets_nobody_in(store: KeyStore, tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("[{")
    with pytest.raises(StoreDamaged):
        store.caller("anything")


@pytest.mark.parametrize("name", ["", "Sports", "../press", "a/b", "-a", "a" * 64, "a b", "ä"])
def test_names_that_could_leave_the_folder_are_no_collections(name: str) -> None:
    with pytest.raises(InputError):
        check_collection(name)


@given(scope=st.sampled_from(list(Scope)))
def test_every_scope_includes_itself_and_reading(scope: Scope) -> None:
    assert scope.includes(scope)
    assert scope.includes(Scope.READ)
    assert Scope.ADMIN.includes(scope)
    assert not Scope.READ.includes(Scope.WRITE)


def test_the_command_line_adds_lists_and_revokes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = ["--data", str(tmp_path)]
    assert main(["keys", "add", "anna", "--scope", "write", "--collection", "press", *at]) == 0
    secret = capsys.readouterr().out.strip()
    store = KeyStore(tmp_path / "keys.json")
    caller = store.caller(secret)
    assert caller is not None
    assert main(["keys", "list", *at]) == 0
    shown = capsys.readouterr().out
    assert caller.id in shown and "press" in shown and secret not in shown
    assert main(["keys", "revoke", caller.id, *at]) == 0
    assert store.caller(secret) is None
    assert main(["keys", "add", "anna", "--scope", "god", *at]) == 2
