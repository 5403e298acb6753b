"""Let people sign in by a password, and set a password by a one-use code.

An answer never tells whether the name, the password or the code was wrong, and takes the same time.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple

from desk.people import person_rows
from desk.people.attempts import Attempts, Pair
from desk.people.fair_line import Asker, TooManyWaiting
from desk.people.one_use_code import hash_code
from desk.people.passwords import PASSWORD_MAX, Passwords
from desk.people.sessions import COOKIE_MAX, TOKEN_BYTES, Sessions, hash_cookie
from routing.store.store import Store

PERSON = re.compile(r"[A-Za-z0-9_.-]{1,32}")
"""Form of an id. Any other name is nobody's, and the store is never asked for it."""
NAME_MAX = 64
"""Characters of a name that are remembered for its wrong tries."""


Check = Callable[[str, Asker], Awaitable[str | None]]
"""Return the hash of a person that the given secret fits, or None. The second value waits for its calculation."""


class Credentials(NamedTuple):
    """Name and secret of a sign-in, with the source of the request."""

    name: str
    secret: str
    """The password, or the one-use code."""
    address: str
    browser: str
    """The cookie of the browser, empty in a new one."""


class SignedIn(NamedTuple):
    """Cookies for a browser in which a person has signed in."""

    session: str
    browser: str


class SignIns:
    """Check who signs in."""

    def __init__(self, sessions: Sessions, store: Store, passwords: Passwords, attempts: Attempts,
                 clock: Callable[[], float]) -> None:
        self._sessions, self._store, self._passwords, self._attempts = sessions, store, passwords, attempts
        self._clock = clock

    async def sign_in(self, given: Credentials) -> SignedIn | None:
        """Open a session for the right password. Return None if anything is wrong. Raise TooManyTries, TooManyWaiting
        or StoreError."""
        async def check(person: str, asker: Asker) -> str | None:
            found = await self._store.run_query(partial(person_rows.read_secrets, person=person))
            stored = "" if found is None else found.password
            fits = await self._passwords.check_password(stored, given.secret[:PASSWORD_MAX + 1], asker)
            return stored if fits else None

        return await self._try_once(given, check)

    async def set_password(self, given: Credentials, password: str) -> SignedIn | None:
        """Set a password by a one-use code and open a session. Return None if anything is wrong. Raise as `sign_in`."""
        async def check(person: str, asker: Asker) -> str | None:
            # The hash is made first in any case, so the time does not tell whether the code was right.
            hashed = await self._passwords.hash_password(password, asker)
            used = await self._store.run_write(partial(
                person_rows.use_code, person=person, code=hash_code(given.secret), password=hashed, at=self._clock()))
            return hashed if used else None

        return await self._try_once(given, check)

    async def _try_once(self, given: Credentials, check: Check) -> SignedIn | None:
        # 1. Wait, if this pair has been wrong too often.
        person = given.name.strip()[:NAME_MAX]
        pair, known = await self._find_pair(person, given)
        # Nobody else can be in front of a person in a known browser, so such a person is a source.
        asker = Asker(person, f"person {person}" if known else pair[1], known)
        late = self._attempts.begin_try(pair)
        if late:
            await asyncio.sleep(late)
        # 2. Check, and open a session with what was checked.
        try:
            hashed = await check(person if PERSON.fullmatch(person) else "", asker)
        except TooManyWaiting:
            self._attempts.forget_try(pair)
            raise
        session = None if hashed is None else await self._sessions.open_session(person, hashed)
        if session is None:
            return None
        # 3. The tries are forgiven, and the browser is known from now on.
        self._attempts.note_right(pair)
        browser = given.browser if 0 < len(given.browser) <= COOKIE_MAX else secrets.token_urlsafe(TOKEN_BYTES)
        await self._store.run_write(partial(
            person_rows.remember_browser, person=person, browser=hash_cookie(browser), at=self._clock()))
        return SignedIn(session, browser)

    async def _find_pair(self, person: str, given: Credentials) -> tuple[Pair, bool]:
        """Return name and source of a try: the browser if this person has signed in there, or else the address.

        The second value tells whether the browser is known.
        """
        if PERSON.fullmatch(person) and 0 < len(given.browser) <= COOKIE_MAX:
            browser = hash_cookie(given.browser)
            if await self._store.run_query(partial(person_rows.is_known_browser, person=person, browser=browser)):
                return (person, f"browser {browser}"), True
        return (person, f"address {given.address}"), False
