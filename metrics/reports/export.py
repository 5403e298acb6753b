"""Write tables for other programs: CSV, or Parquet with types."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

ENDINGS = (".csv", ".parquet")

Columns = Mapping[str, type]
"""Name -> str, int, float, bool or datetime."""
Row = Sequence[Any]
"""A value for each column, or None. Any: of the columns' types."""


class NoParquet(Exception):
    """The library for Parquet is not installed."""


def write_table(path: Path, columns: Columns, parts: Iterable[Iterable[Row]], zone: ZoneInfo) -> int:
    """Write a file whose ending gives the format, and return the number of rows.

    Only one part is in memory at a time. Raise NoParquet or OSError.
    """
    return (_write_parquet if path.suffix == ".parquet" else _write_csv)(path, columns, parts, zone)


def _write_csv(path: Path, columns: Columns, parts: Iterable[Iterable[Row]], zone: ZoneInfo) -> int:
    """Write UTF-8 with a title line. Times have the offset of the centre's clock. An empty cell is unknown or not yet
    known."""
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for rows in parts:
            for row in rows:
                writer.writerow([_cell_text(value) for value in row])
                count += 1
    return count


def _cell_text(value: Any) -> str:
    if value is None:
        # bool comes before other values, because str would write True with a capital.
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")
    return str(value)


def _write_parquet(path: Path, columns: Columns, parts: Iterable[Iterable[Row]], zone: ZoneInfo) -> int:
    # The library is large and optional, so only this function imports it.
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise NoParquet("Parquet needs the library pyarrow, which is not installed: .venv/bin/pip install pyarrow in "
                        "Santral's folder, or name a file that ends in .csv") from None
    kinds = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_(),
             datetime: pa.timestamp("us", tz=str(zone))}
    schema = pa.schema([(name, kinds[kind]) for name, kind in columns.items()])
    count = 0
    with parquet.ParquetWriter(path, schema) as writer:
        for rows in parts:
            some = [dict(zip(columns, row, strict=True)) for row in rows]
            writer.write_table(pa.Table.from_pylist(some, schema=schema))
            count += len(some)
    return count
