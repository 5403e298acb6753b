"""Any text is either a document with true lines or problems with lines: never an exception."""

from __future__ import annotations

import tomllib

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from centres.document_reader import Mapping, parse_toml, parse_yaml
from centres.toml_lines import key_lines

pytestmark = pytest.mark.property

KEYS = st.text("abcçğıöşü_0123456789", min_size=1, max_size=8)
VALUES = st.recursive(st.integers(0, 10**9) | st.booleans() | st.text("xyz #:'\"[]{}\\,=ı\n", max_size=12),
                      lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
                      max_leaves=12)


@given(st.text(max_size=200) | st.text("ab:-[]{}&*!<>|'\"# \n\t", max_size=60))
def test_any_text(text: str) -> None:
    for parsed in (parse_yaml(text, "f"), parse_toml(text, "f")):
        count = text.count("\n") + text.count("\r") + text.count("\x85") + text.count("\u2028") + text.count("\u2029")
        for problem in parsed.problems:
            assert 1 <= int(problem.where.removeprefix("f:")) <= count + 2


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_yaml_gives_back_what_was_written_with_the_lines_of_its_keys(value: dict[str, object]) -> None:
    text = yaml.safe_dump(value, allow_unicode=True, sort_keys=False, default_style='"').replace("!!int ", "").replace(
        "!!bool ", "")
    parsed = parse_yaml(text, "f")
    assert not parsed.problems
    lines = text.split("\n")
    for key in parsed.data:
        assert lines[parsed.data.lines[key] - 1].startswith(f'"{key}"') or "\\" in lines[parsed.data.lines[key] - 1] \
            or lines[0].startswith("?")
    assert list(parsed.data) == list(value)


@given(st.lists(st.tuples(KEYS, st.sampled_from(
    ['1', '"a"', "'[x'", '"""\n[a]\nb = 1\n"""', "'''\n\"x\n'''", '[\n 1, # ]\n 2]', '{k = "}"}', '"\\""'])),
    unique_by=lambda pair: pair[0], max_size=6))
def test_toml_lines_of_any_values(pairs: list[tuple[str, str]]) -> None:
    text = "".join(f'"{key}" = {value}\n' for key, value in pairs)
    tomllib.loads(text)
    lines, found = key_lines(text), 1
    for key, value in pairs:
        assert lines[(key,)] == found
        found += value.count("\n") + 1
    assert isinstance(parse_toml(text, "f").data, Mapping)
