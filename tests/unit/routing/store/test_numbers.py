"""Callers' numbers are sealed with keys that nobody else can read."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from routing.store.callers.number_keys import NUMBER_MAX, NumberKeys
from routing.store.errors import KeyFileError

pytestmark = pytest.mark.unit

NUMBER = "+905320000000"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "secrets" / "numbers.json"


def test_a_number_opens_again_and_is_recognised(path: Path) -> None:
    keys = NumberKeys.load_or_create(path)
    digest, box = keys.encrypt_number(NUMBER)
    again = NumberKeys.load_or_create(path)
    assert again.decrypt_number(box) == NUMBER
    digest_again, box_again = again.encrypt_number(NUMBER)
    assert digest_again == digest
    assert box_again != box
    assert again.encrypt_number("+905320000001")[0] != digest
    assert NUMBER not in digest + box


def test_the_encrypted_number_does_not_tell_how_long_a_number_is(path: Path) -> None:
    keys = NumberKeys.load_or_create(path)
    assert len({len(keys.encrypt_number(number)[1]) for number in ("112", NUMBER, "4440632")}) == 1


def test_file_and_folder_are_for_the_owner_only(path: Path) -> None:
    NumberKeys.load_or_create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["numbers.json"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_file_that_others_may_read_is_refused_with_the_remedy(path: Path, mode: int) -> None:
    NumberKeys.load_or_create(path)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=r"others may read.*chmod 600"):
        NumberKeys.load_keys(path)


def test_a_missing_file_is_not_replaced_silently(path: Path) -> None:
    with pytest.raises(KeyFileError, match="no key file"):
        NumberKeys.load_keys(path)
    assert not path.exists()


def test_a_link_is_refused(path: Path, tmp_path: Path) -> None:
    NumberKeys.load_or_create(path)
    link = tmp_path / "link.json"
    link.symlink_to(path)
    with pytest.raises(KeyFileError, match="plain file"):
        NumberKeys.load_keys(link)


@pytest.mark.parametrize("content", [
    "", "[]", "{}", '{"format": 2, "hash": "", "encrypt": []}', '{"format": 1, "hash": "c2hvcnQ=", "encrypt": ["x"]}',
    '{"format": 1, "hash": 5, "encrypt": 6}',
])
def test_another_file_is_refused_without_quoting_it(path: Path, content: str) -> None:
    NumberKeys.load_or_create(path)
    path.write_text(content, encoding="ascii")
    with pytest.raises(KeyFileError, match="no key file of format 1") as caught:
        NumberKeys.load_keys(path)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_numbers_encrypted_with_other_keys_do_not_open(path: Path, tmp_path: Path) -> None:
    _, box = NumberKeys.load_or_create(path).encrypt_number(NUMBER)
    other = NumberKeys.load_or_create(tmp_path / "other" / "numbers.json")
    for wrong in (box, box[:-2] + "AA", "", "ş"):
        with pytest.raises(KeyFileError, match="does not open") as caught:
            other.decrypt_number(wrong)
        assert NUMBER not in str(caught.value)


def test_after_a_rotation_old_encrypted_numbers_open_and_the_hash_stays(path: Path) -> None:
    digest, box = NumberKeys.load_or_create(path).encrypt_number(NUMBER)
    kept = json.loads(path.read_text(encoding="ascii"))
    other = path.with_name("new.json")
    NumberKeys.load_or_create(other)
    kept["encrypt"].insert(0, json.loads(other.read_text(encoding="ascii"))["encrypt"][0])
    path.write_text(json.dumps(kept), encoding="ascii")
    rotated = NumberKeys.load_keys(path)
    assert rotated.decrypt_number(box) == NUMBER
    fresh_digest, fresh_box = rotated.encrypt_number(NUMBER)
    assert fresh_digest == digest
    assert NumberKeys.load_keys(other).decrypt_number(fresh_box) == NUMBER


@pytest.mark.parametrize("number", ["", "5" * (NUMBER_MAX + 1)])
def test_what_is_no_number_is_not_sealed(path: Path, number: str) -> None:
    with pytest.raises(ValueError, match=str(NUMBER_MAX)):
        NumberKeys.load_or_create(path).encrypt_number(number)


def test_the_first_of_two_new_files_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = NumberKeys.load_or_create(path)
    digest, box = first.encrypt_number(NUMBER)
    # The second process looked before the first had made the file.
    monkeypatch.setattr(Path, "exists", lambda self: False)
    second = NumberKeys.load_or_create(path)
    assert second.decrypt_number(box) == NUMBER
    assert second.encrypt_number(NUMBER)[0] == digest
