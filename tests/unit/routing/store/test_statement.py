"""A statement of the writer has the same words on both databases, and its values in the order of its parameters."""

from __future__ import annotations

import re
import sqlite3
from typing import Any, cast

import pytest
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import Dialect

from routing.store.schema import cursors
from routing.store.statement import Statement

pytestmark = pytest.mark.unit

SQLITE = cast(Dialect, SQLiteDialect_pysqlite())
POSTGRES = cast(Dialect, PGDialect_psycopg(paramstyle="numeric_dollar"))
ADD = Statement(insert(cursors), ("name", "seq"), " ON CONFLICT DO NOTHING")
SET = Statement(update(cursors).where(cursors.c.name == bindparam("b_name")).values(seq=bindparam("seq")))
LOOK = Statement(select(cursors.c.seq).where(cursors.c.name == bindparam("b_name")))


@pytest.fixture
def cursor() -> Any:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE cursors (name TEXT PRIMARY KEY, seq INTEGER)")
    yield connection.cursor()
    connection.close()


@pytest.mark.parametrize("statement", [ADD, SET, LOOK])
def test_both_databases_get_the_same_words(statement: Statement) -> None:
    words = [re.sub(r"\$\d+(::\w+)?|\?", "_", statement.compile_for(dialect)[0]) for dialect in (SQLITE, POSTGRES)]
    assert words[0] == words[1] and "_" in words[0]


def test_values_go_by_name_whatever_the_order(cursor: Any) -> None:
    assert ADD.run_once(cursor, SQLITE, {"seq": 3, "name": "a", "more": "is left out"}) == 1
    assert ADD.run_once(cursor, SQLITE, {"seq": 4, "name": "a"}) == 0, "there is one already"
    assert SET.run_once(cursor, SQLITE, {"b_name": "a", "seq": 5}) == 1
    assert SET.run_once(cursor, SQLITE, {"b_name": "b", "seq": 5}) == 0
    LOOK.run_once(cursor, SQLITE, {"b_name": "a"})
    assert cursor.fetchall() == [(5,)]
    assert LOOK.compile_for(POSTGRES)[1]({"b_name": "a"}) == ("a",)


def test_many_rows_are_one_call(cursor: Any) -> None:
    ADD.run_all(cursor, SQLITE, [{"seq": number, "name": f"n{number}"} for number in range(3)])
    assert cursor.execute("SELECT name, seq FROM cursors ORDER BY seq").fetchall() == [("n0", 0), ("n1", 1), ("n2", 2)]


def test_a_value_that_is_missing_is_an_error_and_not_a_null(cursor: Any) -> None:
    with pytest.raises(KeyError, match="seq"):
        SET.run_once(cursor, SQLITE, {"b_name": "a"})
