"""Files as dicts with lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from centres.document_reader import MAX_BYTES, MAX_DEPTH, Mapping, Sequence, parse_toml, parse_yaml, read_document

pytestmark = pytest.mark.unit


def test_yaml_has_the_line_of_every_key_and_item() -> None:
    data = parse_yaml("a: 1\nb:\n  - x\n  - {c: 2,\n     d: 3}\n", "f.yaml").data
    assert data == {"a": 1, "b": ["x", {"c": 2, "d": 3}]}
    assert data.lines == {"a": 1, "b": 2} and data.line == 1 and data.file == "f.yaml"
    assert isinstance(data["b"], Sequence) and data["b"].lines == [3, 4]
    assert isinstance(data["b"][1], Mapping) and data["b"][1].lines == {"c": 4, "d": 5}


def test_scalars_follow_the_core_schema() -> None:
    data = parse_yaml("- no\n- on\n- 12:30\n- 0632\n- 7\n- -1.5\n- true\n- null\n- '7'\n- 2026-01-31\n", "f").data
    assert data == ["no", "on", "12:30", "0632", 7, -1.5, True, None, "7", "2026-01-31"]


def test_keys_are_always_text() -> None:
    parsed = parse_yaml("1: a\n'1': b\n", "f.yaml")
    assert parsed.data == {"1": "a"}
    assert [str(one) for one in parsed.problems] == [
        "f.yaml:2: the key '1' appears twice; first on line 1. Keep one of them."]


@pytest.mark.parametrize(("text", "line", "what"), [
    ("a: 1\nb:\n\tc: 2\n", 3, "a tab"),
    ("a: &x 1\n", 1, "an anchor"),
    ("a: 1\nb: *x\n", 2, "an alias"),
    ("a: 1\nb: !!python/object:os.system x\n", 2, "a tag"),
    ("a: 1\n<<: {b: 2}\n", 2, "a merge key"),
    ("a: 1\n---\nb: 2\n", 2, "a second document"),
    ("a: 1\n? [x]\n: 2\n", 2, "a key that is not a word"),
    ("a: 1\nb: [1, 2\nc: 3\n", 3, "not YAML"),
    ("a: 1\nb: \x07\n", 2, "a control character"),
    ("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2), 1, "nested deeper"),
    ("*: 1\n", 1, "not YAML"),
])
def test_what_hides_something_is_refused(text: str, line: int, what: str) -> None:
    first = parse_yaml(text, "f.yaml").problems[0]
    assert first.where == f"f.yaml:{line}" and what in first.what and first.mend


def test_several_problems_are_told_together() -> None:
    assert len(parse_yaml("a: &x 1\nb: *x\na: 2\n", "f").problems) == 3


def test_a_private_document_is_never_quoted() -> None:
    shown = " ".join(str(one) for one in parse_yaml("a: [gizli\nb: %gizli\n", "f", private=True).problems)
    assert shown and "gizli" not in shown and "%" not in shown


def test_toml_has_lines() -> None:
    text = ('x = 1\n[a.b]\n# c = 1\n"q k" = """\n[no]\nn = 1\n"""\nlist = [\n  "]", # ]\n  2,\n]\nlast.deep = {i = 1}\n'
            "[[t]]\nn = 1\n\n[[t]]\nn = 2\n[t.sub]\nm = 'x'\n")
    data = parse_toml(text, "s.toml").data
    assert data.lines == {"x": 1, "a": 2, "t": 13}
    assert data["a"]["b"].lines == {"q k": 4, "list": 8, "last": 12}
    assert data["a"]["b"]["last"]["deep"].lines == {"i": 12}
    assert data["t"].lines == [13, 16] and data["t"][1].lines == {"n": 17, "sub": 18}
    assert data["t"][1]["sub"].lines == {"m": 19}


@pytest.mark.parametrize(("text", "where"), [("a = 1\na = 2\n", "s.toml:2"), ("a = 1\nb = [\n", "s.toml:2"),
                                              ("a = 1\n\nb = x\n", "s.toml:3")])
def test_broken_toml_names_its_line(text: str, where: str) -> None:
    parsed = parse_toml(text, "s.toml")
    assert parsed.data is None and [one.where for one in parsed.problems] == [where]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert "missing" in read_document(tmp_path / "no.yaml").problems[0].what
    bad = tmp_path / "bad.yaml"
    bad.write_bytes(b"a: 1\nb: \xff\n")
    assert read_document(bad).problems[0].where == "bad.yaml:2"
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (MAX_BYTES + 1))
    assert "larger" in read_document(large).problems[0].what
    assert "cannot be read" in read_document(tmp_path).problems[0].what
