"""Passwords by argon2id: what fits, what is refused, and how many are calculated at once."""

from __future__ import annotations

import asyncio
import os
import threading

import pytest
from argon2 import PasswordHasher

from desk.people.fair_line import SOURCE_MAX, WAITING_MAX, Asker, TooManyWaiting
from desk.people.passwords import AT_ONCE, NICENESS, PASSWORD_MAX, PASSWORD_MIN, Passwords, is_long_enough
from tests.until import LIMIT_S, until_async

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
    """Hashes when it is told to. Notes what began in which order, and how many ran at once."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.go, self.lock, self.running, self.most = threading.Event(), threading.Lock(), 0, 0
        self.order: list[str] = []

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        with self.lock:
            self.running += 1
            self.order.append(str(password))
            self.most = max(self.most, self.running)
        self.go.wait(2 * LIMIT_S)
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


class Crowd:
    """People who want to sign in while no hash is done."""

    def __init__(self) -> None:
        self.slow = Slow()
        self.passwords = Passwords(self.slow)
        self.waiting: list[asyncio.Task[str]] = []

    async def comes(self, *askers: Asker) -> None:
        self.waiting += [asyncio.create_task(self.passwords.hash_password(one.name, one)) for one in askers]
        await asyncio.sleep(0)

    async def refuses(self, asker: Asker) -> None:
        with pytest.raises(TooManyWaiting):
            await self.passwords.hash_password(asker.name, asker)

    @property
    def order(self) -> list[str]:
        """The names, in the order in which their hashes began."""
        return self.slow.order

    async def ends(self) -> list[BaseException]:
        """Let all hashes be done, and return the errors of those who were refused."""
        await until_async(lambda: self.slow.running == AT_ONCE, what="the threads have begun")
        self.slow.go.set()
        found = await asyncio.gather(*self.waiting, return_exceptions=True)
        self.passwords.close()
        assert self.slow.most == AT_ONCE
        return [one for one in found if isinstance(one, BaseException)]


def people_of(source: str, count: int, *, known: bool = False) -> list[Asker]:
    return [Asker(f"{source}-{number}", source, known) for number in range(count)]


async def test_two_are_calculated_at_once_and_fifty_wait() -> None:
    crowd = Crowd()
    await crowd.comes(*(Asker("name", f"address {number}") for number in range(AT_ONCE + WAITING_MAX)))
    await crowd.refuses(Asker("name", "address of one more"))
    # A browser that has gone away frees no place before its hash is done.
    crowd.waiting[0].cancel()
    await asyncio.sleep(0)
    await crowd.refuses(Asker("name", "address of one more"))
    (gone,) = await crowd.ends()
    assert isinstance(gone, asyncio.CancelledError) and len(crowd.order) == AT_ONCE + WAITING_MAX


async def test_one_address_with_many_names_makes_nobody_else_wait() -> None:
    crowd = Crowd()
    await crowd.comes(*people_of("flood", AT_ONCE + SOURCE_MAX))
    await crowd.refuses(Asker("one more", "flood"))
    await crowd.comes(Asker("ayse", "home"), Asker("a1", "office"))
    assert await crowd.ends() == []
    # Before them were the hashes that had begun, and one of the flood.
    assert {"ayse", "a1"} <= set(crowd.order[:AT_ONCE + 4])


async def test_a_name_waits_once_for_an_address() -> None:
    crowd = Crowd()
    await crowd.comes(*people_of("flood", AT_ONCE), Asker("ayse", "flood"))
    await crowd.refuses(Asker("ayse", "flood"))
    await crowd.comes(Asker("ayse", "home"))
    assert await crowd.ends() == []


async def test_in_a_full_line_the_source_with_most_names_gives_up_its_newest() -> None:
    crowd = Crowd()
    await crowd.comes(*people_of("running", AT_ONCE), *people_of("flood", SOURCE_MAX), *people_of("second", SOURCE_MAX),
                      *people_of("third", WAITING_MAX - 2 * SOURCE_MAX))
    await crowd.comes(Asker("ayse", "home"))
    # A source with as many names as any other gets no further place.
    await crowd.refuses(Asker("one more", "second"))
    (refused,) = await crowd.ends()
    assert isinstance(refused, TooManyWaiting)
    assert f"flood-{SOURCE_MAX - 1}" not in crowd.order and "ayse" in crowd.order


async def test_known_browsers_wait_for_no_stranger() -> None:
    crowd = Crowd()
    await crowd.comes(*(Asker("name", f"address {number}") for number in range(AT_ONCE + WAITING_MAX)))
    await crowd.refuses(Asker("name", "address of one more"))
    # The line of strangers is full, and those of known browsers have their own and come before them.
    known = [Asker(f"p{number}", f"person p{number}", known=True) for number in range(WAITING_MAX)]
    await crowd.comes(*known)
    await crowd.refuses(Asker("one more", "person one more", known=True))
    assert await crowd.ends() == []
    assert crowd.order[:WAITING_MAX].count("name") <= AT_ONCE + 1, "only those who had begun before"


async def test_a_closed_hasher_leaves_nobody_waiting() -> None:
    slow = Slow()
    passwords = Passwords(slow)
    waiting = [asyncio.create_task(passwords.hash_password("x" * 12, Asker("name", f"address {number}")))
               for number in range(AT_ONCE + 3)]
    # A hash that no thread has begun would be cancelled as well.
    await until_async(lambda: slow.running == AT_ONCE, what="the threads have begun")
    passwords.close()
    slow.go.set()
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert sum(isinstance(one, asyncio.CancelledError) for one in done) == 3
