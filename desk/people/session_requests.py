"""Find the person who makes a request, by the cookie of a session.

A browser sends cookies also with requests that another site has caused. `SameSite=Strict` keeps them back, and the
request must also say that our own page made it.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

from desk.api.tokens import SESSION_COOKIE, TokenHolder
from desk.people.sessions import SESSION_S, Sessions

COOKIE = SESSION_COOKIE

SESSIONS: web.AppKey[Sessions] = web.AppKey("sessions", Sessions)

BROWSER_COOKIE = "__Host-santral-browser"
"""Cookie by which a browser is known. It opens nothing."""
BROWSER_DAYS = 400
"""Life of that cookie: browsers keep none for longer."""


class ForeignRequest(Exception):
    """The request does not come from a page of ours."""


def session_cookie(request: web.Request) -> str:
    """Return the cookie of the session, or an empty text."""
    return request.cookies.get(COOKIE, "")


def session_holder(request: web.Request, *, document: bool = False,
                   until_talk_ends: bool = False) -> TokenHolder | None:
    """Return the person of the session, or None without a live session.

    Raise ForeignRequest if there is a cookie, but no page of ours made the request. `document` is for pages that only
    show something: a browser may open them from an address that was typed.
    """
    cookie = session_cookie(request)
    sessions = request.app.get(SESSIONS)
    if not cookie or sessions is None:
        return None
    if not document:
        require_own_page(request)
    return sessions.holder_of(cookie, until_talk_ends=until_talk_ends)


def require_own_page(request: web.Request) -> None:
    """Raise ForeignRequest if the browser does not say that a page of ours made the request."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        if site != "same-origin":
            raise ForeignRequest
        return
    # Browsers without that header send the origin. A proxy passes on the host that the browser asked for.
    try:
        origin = urlsplit(request.headers.get("Origin", ""))
    except ValueError:
        raise ForeignRequest from None
    if origin.scheme not in ("http", "https") or origin.netloc.lower() != request.host.lower():
        raise ForeignRequest


def set_session_cookie(response: web.StreamResponse, value: str) -> None:
    """Give the cookie of a session to the browser. It survives a crash of the browser, as the talk does."""
    response.set_cookie(COOKIE, value, max_age=int(SESSION_S), path="/", secure=True, httponly=True,
                        samesite="Strict")


def clear_session_cookie(response: web.StreamResponse) -> None:
    """Take the cookie of a session back."""
    response.set_cookie(COOKIE, "", max_age=0, path="/", secure=True, httponly=True, samesite="Strict")


def set_browser_cookie(response: web.StreamResponse, value: str) -> None:
    """Give the cookie by which the browser is known later."""
    response.set_cookie(BROWSER_COOKIE, value, max_age=BROWSER_DAYS * 86400, path="/", secure=True, httponly=True,
                        samesite="Strict")
