"""Load each example of docs/centre/centre.md with the models of a centre's files, and look up each table it names."""

from __future__ import annotations

import re
import tomllib
import typing
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from centres.base_shapes import Shape
from centres.document_reader import parse_yaml
from centres.services import Service
from centres.settings import Settings
from centres.team import Accommodation, Agent

pytestmark = pytest.mark.unit

GUIDE = (Path(__file__).resolve().parents[3] / "docs" / "centre" / "centre.md").read_text(encoding="utf-8")
TOML = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
YAML = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
LISTS: dict[str, type[Shape]] = {"services": Service, "agents": Agent, "accommodations": Accommodation}


def read_yaml(text: str) -> dict[str, Any]:
    parsed = parse_yaml(text, "example.yaml")
    assert not parsed.problems, parsed.problems
    return typing.cast("dict[str, Any]", parsed.data)


def test_each_kind_of_list_has_an_example() -> None:
    assert sorted(key for text in YAML for key in read_yaml(text)) == sorted(LISTS)
    assert len(TOML) >= 4, "the examples are found"


@pytest.mark.parametrize("text", YAML, ids=lambda text: text.partition(":")[0])
def test_an_example_of_a_list_can_be_loaded(text: str) -> None:
    for name, items in read_yaml(text).items():
        for item in items:
            LISTS[name].model_validate(item)


@pytest.mark.parametrize("text", TOML, ids=lambda text: text.partition("]")[0].strip("["))
def test_an_example_of_a_table_can_be_loaded(text: str) -> None:
    for name, table in tomllib.loads(text).items():
        field = Settings.model_fields[name]
        TypeAdapter(field.rebuild_annotation()).validate_python(table)


def test_each_table_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`\[+([a-z_]+)[.\]]", GUIDE))
    assert len(named) > 10, "the tables are found"
    assert named <= set(Settings.model_fields)
