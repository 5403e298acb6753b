"""The sentence of `santral nodes` on the store: nodes of an older release, and a standby that is missing."""

from __future__ import annotations

import pytest

from routing.store.lease.node_rows import NodeRow, StoreRow
from santral.standby.nodes_cli import describe_keys, describe_store

pytestmark = pytest.mark.unit


def node(name: str, tables: str, role: str = "standby", *others: str, version: str = "1.9") -> NodeRow:
    return NodeRow(name, role, None, version, True, None, "", "", tables=tables, other_secrets=others)


def test_the_files_of_other_secrets_are_named() -> None:
    assert describe_keys(node("a", "0002")) == "yes"
    assert describe_keys(node("b", "0002", "standby", "notes", "pins")) == "not notes, pins"
    assert describe_keys(node("b", "0002", "barred", "notes")._replace(keys_fit=False)) == "no"


@pytest.mark.parametrize(("nodes", "store", "words"), [
    ([node("a", "0002"), node("b", "0001"), node("c", "0001", "gone")], StoreRow("0002", "0001", True),
     "tables 0002, for code of 0001 or later; of an older release: b"),
    ([node("a", "0002"), node("b", "0002"), node("c", "0001", "gone")], StoreRow("0002", "0001", True),
     "tables 0002, for code of 0001 or later; no node of an older release is left"),
    # A newer node stands by, and the tables are as they were.
    ([node("a", "0002"), node("b", "0003")], StoreRow("0002", "0001", True),
     "tables 0002, for code of 0001 or later; of an older release: a"),
    ([node("a", "0002"), node("b", "0002", version="1.10")], StoreRow("0002", "0001", True),
     "tables 0002, for code of 0001 or later; of an older release: a"),
    ([node("a", "0002"), node("b", "0002", "standby", "pins")], StoreRow("0002", "0001", True),
     "tables 0002, for code of 0001 or later; no node of an older release is left; secrets of b are not the leader's, "
     "bring them again: santral cluster"),
    ([node("a", "0002")], StoreRow("0002", "0002", None), "tables 0002, for code of 0002 or later"),
    ([node("a", "0002")], StoreRow("0002", "0002", False),
     "tables 0002, for code of 0002 or later; no synchronous standby, so calls may be lost with the server")])
def test_the_store_is_described(nodes: list[NodeRow], store: StoreRow, words: str) -> None:
    assert describe_store(nodes, store) == words
