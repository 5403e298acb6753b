"""Tables for other programs: CSV, or Parquet with types."""

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


def write(path: Path, columns: Columns, parts: Iterable[Iterable[Row]], zone: ZoneInfo) -> int:
    """Into a file whose ending says which kind; one part is in memory at a time. Gives how many rows. NoParquet,
    OSError."""
    return (_parquet if path.suffix == ".parquet" else _csv)(path, columns, parts, zone)


def _csv(path: Path, columns: Columns, parts: Iterable[Iterable[Row]], zone: ZoneInfo) -> int:
    """UTF-8, a title line; times as the centre's clock with its offset, empty: unknown or not yet."""
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for rows in parts:
            for row in rows:
                writer.writerow([_text(value) for value in row])
                count += 1
    return count


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")
    return str(value)


def _parquet(path: Path, columns: Columns, parts: Iterable[Iterable[Row]], zone: ZoneInfo) -> int:
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
