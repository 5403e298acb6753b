"""Passwords by argon2id: what fits, what is refused, and how many are calculated at once."""

from __future__ import annotations

import asyncio
import os
import threading

import pytest
from argon2 import PasswordHasher

from desk.people.passwords import (
    AT_ONCE,
    NICENESS,
    PASSWORD_MAX,
    PASSWORD_MIN,
    WAITING_MAX,
    Passwords,
    TooManyWaiting,
    is_long_enough,
)

pytestmark = pytest.mark.integration

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


async def test_a_password_fits_in_either_form_of_its_letters() -> None:
    passwords = Passwords(QUICK)
    hashed = await passwords.hash_password("Gu\u0308zel bir c\u0327ic\u0327ek")
    assert hashed.startswith("$argon2id$") and await passwords.check_password(hashed, "Güzel bir çiçek")
    assert not await passwords.check_password(hashed, "Güzel bir çiçek ")
    passwords.close()


async def test_nothing_fits_a_person_without_a_password() -> None:
    passwords = Passwords(QUICK)
    for hashed in ("", "damaged"):
        assert not await passwords.check_password(hashed, "no password fits this")
    passwords.close()


@pytest.mark.parametrize(("length", "good"), [(PASSWORD_MIN - 1, False), (PASSWORD_MIN, True), (PASSWORD_MAX, True),
                                              (PASSWORD_MAX + 1, False)])
def test_length_is_the_only_rule(length: int, good: bool) -> None:
    assert is_long_enough("ş" * length) is good


class Slow(PasswordHasher):
    """Hashes when it is told to, and counts how many run at once."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.go, self.lock, self.running, self.most = threading.Event(), threading.Lock(), 0, 0

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.go.wait(10)
        with self.lock:
            self.running -= 1
        return super().hash(password, salt=salt)


class Noting(PasswordHasher):
    """Notes the priority of its thread."""

    priority = 0

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.priority = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        return super().hash(password, salt=salt)


async def test_a_hash_costs_what_is_recommended_and_leaves_the_processor_to_calls() -> None:
    passwords, noting = Passwords(), Noting(time_cost=1, memory_cost=8, parallelism=1)
    assert "$m=19456,t=2,p=1$" in await passwords.hash_password("x" * PASSWORD_MIN)
    before, low = os.getpriority(os.PRIO_PROCESS, 0), Passwords(noting)
    await low.hash_password("x" * PASSWORD_MIN)
    assert noting.priority >= NICENESS and os.getpriority(os.PRIO_PROCESS, 0) == before
    passwords.close()
    low.close()


async def test_two_are_calculated_at_once_and_fifty_wait() -> None:
    slow = Slow()
    passwords = Passwords(slow)
    waiting = [asyncio.create_task(passwords.hash_password("x" * 12)) for _ in range(AT_ONCE + WAITING_MAX)]
    await asyncio.sleep(0)
    with pytest.raises(TooManyWaiting):
        await passwords.hash_password("x" * 12)
    # A browser that has gone away frees no place before its hash is done.
    waiting[0].cancel()
    await asyncio.sleep(0)
    with pytest.raises(TooManyWaiting):
        await passwords.hash_password("x" * 12)
    slow.go.set()
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(done[0], asyncio.CancelledError) and all(isinstance(one, str) for one in done[1:])
    assert slow.most == AT_ONCE and await passwords.hash_password("x" * 12)
    passwords.close()


async def test_known_browsers_wait_for_no_stranger() -> None:
    slow, order = Slow(), list[str]()
    passwords = Passwords(slow)

    async def hash_for(name: str, *, known: bool) -> None:
        await passwords.hash_password("x" * 12, known=known)
        order.append(name)

    waiting = [asyncio.create_task(hash_for("stranger", known=False)) for _ in range(AT_ONCE + WAITING_MAX)]
    await asyncio.sleep(0)
    with pytest.raises(TooManyWaiting):
        await passwords.hash_password("x" * 12)
    # The line of strangers is full, and those of known browsers have their own and come before them.
    waiting += [asyncio.create_task(hash_for("known", known=True)) for _ in range(WAITING_MAX)]
    await asyncio.sleep(0)
    with pytest.raises(TooManyWaiting):
        await passwords.hash_password("x" * 12, known=True)
    slow.go.set()
    await asyncio.gather(*waiting)
    assert slow.most == AT_ONCE and order.index("known") <= AT_ONCE
    assert order[:WAITING_MAX].count("stranger") <= AT_ONCE, "only those who had begun before"
    passwords.close()


async def test_a_closed_hasher_leaves_nobody_waiting() -> None:
    slow = Slow()
    passwords = Passwords(slow)
    waiting = [asyncio.create_task(passwords.hash_password("x" * 12)) for _ in range(AT_ONCE + 3)]
    await asyncio.sleep(0)
    passwords.close()
    slow.go.set()
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert sum(isinstance(one, asyncio.CancelledError) for one in done) == 3
