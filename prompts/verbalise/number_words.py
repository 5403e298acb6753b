"""Split a number into words, for every language that counts in groups of three digits. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def split_number(number: int, most: int, zero: str, groups: Sequence[tuple[int, str]],
                 spell: Callable[[int], list[str]], *, alone: str = "") -> list[str]:
    """Return the words of a cardinal, one by one. Raise ValueError below 0 and above `most`.

    `groups` are the sizes above a hundred with their names, largest first. `spell` returns the words of a number below
    a thousand. `alone` names a group that is said without a "one" before it.
    """
    if not 0 <= number <= most:
        raise ValueError(f"{number} cannot be said: only 0 to {most}")
    if number == 0:
        return [zero]
    said: list[str] = []
    for size, name in groups:
        count, number = divmod(number, size)
        if count:
            said += [name] if count == 1 and name == alone else [*spell(count), name]
    return said + spell(number)
