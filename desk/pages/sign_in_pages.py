"""Serve the pages on which people sign in, set a password and sign out. They work without a script."""

from __future__ import annotations

import asyncio
from typing import NamedTuple
from urllib.parse import parse_qs

import structlog
from aiohttp import web

from desk.pages.page_routes import Pages
from desk.people.attempts import TooManyTries
from desk.people.client_address import ClientAddress
from desk.people.fair_line import TooManyWaiting
from desk.people.passwords import PASSWORD_MIN, is_long_enough
from desk.people.session_requests import (
    BROWSER_COOKIE,
    clear_session_cookie,
    require_own_page,
    session_cookie,
    session_holder,
    set_browser_cookie,
    set_session_cookie,
)
from desk.people.sessions import Sessions
from desk.people.sign_in import Credentials, SignedIn, SignIns
from routing.store.errors import StoreError

log = structlog.get_logger()

READ_S = 5.0
"""Limit for reading a form: a slow sender may not hold a connection."""
FORM_MAX = 4096
"""Bytes of a form. The longest password in other letters has half of them."""
FIELDS_MAX = 8
"""Fields of a form. Our largest has four."""
NAME_SHOWN = 64
"""Characters of a name that are shown again after an error."""


class _Trouble(NamedTuple):
    """A sentence above the form, and how the answer is marked."""

    status: int
    word: str
    """Key of the sentence."""
    fields: tuple[str, ...] = ()
    """Fields that the sentence is about. The first one gets the focus."""
    wait_s: int = 0


WRONG = _Trouble(403, "sign_in.wrong", ("name", "password"))
WRONG_CODE = _Trouble(403, "password.wrong", ("name", "code"))
TOO_SHORT = _Trouble(400, "password.too_short", ("password",))
DIFFERENT = _Trouble(400, "password.different", ("password", "again"))
BUSY = _Trouble(503, "sign_in.busy", wait_s=5)
TOO_MANY = _Trouble(429, "sign_in.too_many", wait_s=60)
AWAY = _Trouble(503, "sign_in.away", wait_s=5)
SLOW = _Trouble(408, "sign_in.away")


class SignInPages:
    """The pages around a session."""

    def __init__(self, pages: Pages, sign_ins: SignIns, sessions: Sessions, address: ClientAddress) -> None:
        self._pages, self._sign_ins, self._sessions, self._address = pages, sign_ins, sessions, address

    def add_routes(self, app: web.Application) -> None:
        """Add the routes of these pages."""
        app.router.add_get("/sign-in", self.show_sign_in)
        app.router.add_post("/sign-in", self.sign_in)
        app.router.add_get("/password", self.show_password)
        app.router.add_post("/password", self.set_password)
        app.router.add_post("/sign-out", self.sign_out)

    async def show_sign_in(self, request: web.Request) -> web.StreamResponse:
        """Return the form to sign in, or send a person with a session to the desk."""
        if session_holder(request, document=True) is not None and "language" not in request.query:
            return web.Response(status=303, headers={"Location": "/"})
        return self._form(request, "sign_in.html", signed_out="out" in request.query)

    async def show_password(self, request: web.Request) -> web.StreamResponse:
        """Return the form to set a password by a one-use code."""
        return self._form(request, "password.html")

    async def sign_in(self, request: web.Request) -> web.StreamResponse:
        """Open a session for the right password."""
        fields = await _read_form(request)
        if fields is None:
            return self._form(request, "sign_in.html", SLOW)
        given = self._credentials(request, fields, fields.get("password", ""))
        try:
            done = await self._sign_ins.sign_in(given)
        except (TooManyTries, TooManyWaiting, StoreError) as error:
            return self._form(request, "sign_in.html", _describe(error), name=given.name)
        if done is None:
            return self._form(request, "sign_in.html", WRONG, name=given.name)
        return await self._enter(request, done)

    async def set_password(self, request: web.Request) -> web.StreamResponse:
        """Set a password by a one-use code, and open a session."""
        fields = await _read_form(request)
        if fields is None:
            return self._form(request, "password.html", SLOW)
        given = self._credentials(request, fields, fields.get("code", ""))
        password = fields.get("password", "")
        # The code is not looked at before the password is good, so a mistake in it does not use the code up.
        trouble = TOO_SHORT if not is_long_enough(password) else DIFFERENT if password != fields.get("again") else None
        if trouble is None:
            try:
                done = await self._sign_ins.set_password(given, password)
            except (TooManyTries, TooManyWaiting, StoreError) as error:
                return self._form(request, "password.html", _describe(error), name=given.name)
            if done is not None:
                return await self._enter(request, done)
        return self._form(request, "password.html", trouble or WRONG_CODE, name=given.name, code=given.secret)

    async def sign_out(self, request: web.Request) -> web.StreamResponse:
        """End the session of the browser. A script that keeps its page open in a talk asks for JSON."""
        require_own_page(request)
        await self._sessions.end_session(session_cookie(request))
        response: web.StreamResponse = web.Response(status=204)
        if "application/json" not in request.headers.get("Accept", ""):
            response = web.Response(status=303, headers={"Location": "/sign-in?out=1"})
        clear_session_cookie(response)
        return response

    async def _enter(self, request: web.Request, done: SignedIn) -> web.Response:
        """Return the answer that leads to the desk, and end the session that the browser had before."""
        # At a shared machine nobody knows any more that the session before is open.
        await self._sessions.end_session(session_cookie(request), "replaced")
        # A see-other, so that a reload of the next page sends no password again.
        response = web.Response(status=303, headers={"Location": "/"})
        set_session_cookie(response, done.session)
        set_browser_cookie(response, done.browser)
        return response

    def _credentials(self, request: web.Request, fields: dict[str, str], secret: str) -> Credentials:
        return Credentials(fields.get("name", "").strip(), secret, self._address.of_request(request),
                           request.cookies.get(BROWSER_COOKIE, ""))

    def _form(self, request: web.Request, template: str, trouble: _Trouble | None = None, *, name: str = "",
              code: str = "", signed_out: bool = False) -> web.Response:
        response = self._pages.respond_document(
            request, template, 200 if trouble is None else trouble.status, trouble=trouble, name=name[:NAME_SHOWN],
            code=code[:NAME_SHOWN], signed_out=signed_out, least=PASSWORD_MIN)
        if trouble is not None and trouble.wait_s:
            response.headers["Retry-After"] = str(trouble.wait_s)
        return response


async def _read_form(request: web.Request) -> dict[str, str] | None:
    """Return the fields of a form, or None if it does not arrive in time. Raise ForeignRequest."""
    require_own_page(request)
    try:
        async with asyncio.timeout(READ_S):
            raw = await request.read()
    except TimeoutError:
        return None
    if len(raw) > FORM_MAX:
        raise web.HTTPRequestEntityTooLarge(FORM_MAX, len(raw))
    try:
        found = parse_qs(raw.decode("ascii", "replace"), keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except ValueError:
        return {}
    return {name: values[0] for name, values in found.items()}


def _describe(error: Exception) -> _Trouble:
    if isinstance(error, TooManyTries):
        return TOO_MANY
    if isinstance(error, TooManyWaiting):
        return BUSY
    log.warning("sign_in.failed", why=str(error))
    return AWAY
