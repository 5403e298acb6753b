"""Opens the journal of a state for the rooms that read it: a folder, a file or a database, of a running node too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from planning.errors import PlanningError
from planning.replay import Journal
from routing.core.errors import RoutingError
from routing.core.facts import Fact
from routing.store.errors import StoreError
from routing.store.reader import Input, Reader
from santral.errors import StoreTrouble

DATABASE = "santral.db"


class _Numbered(Protocol):
    @property
    def seq(self) -> int: ...


N = TypeVar("N", bound=_Numbered)


class _State:
    """A journal through a reader of the store."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def entries(self) -> Iterator[Input]:
        return _paged(self._reader.journal_after)

    def facts(self) -> Iterator[Fact]:
        return _paged(self._reader.facts_after)

    def length(self) -> int:
        return self._reader.journal_length()


def _paged(after: Callable[[int], Sequence[N]]) -> Iterator[N]:
    seq = 0
    while page := after(seq):
        yield from page
        seq = page[-1].seq


@contextmanager
def open_journal(place: str) -> Iterator[Journal]:
    """`place`: a state folder, its database file, or the URL of a database. PlanningError when nothing is there or it
    is no journal, StoreTrouble when it cannot be read."""
    where: str | Path = place
    if "://" not in place:
        path = Path(place)
        where = path / DATABASE if path.is_dir() else path
        if not Path(where).is_file():
            raise PlanningError(f"no journal at {place}: name the state folder of a node (with {DATABASE} in it), the "
                                "file, or the URL of its database")
    try:
        with Reader(where) as reader:
            yield _State(reader)
    except StoreError as error:
        raise StoreTrouble(str(error)) from error
    except RoutingError as error:
        raise PlanningError(f"{place}: {error}") from error
