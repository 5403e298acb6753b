"""Answer `GET /live`: the calls as they go, for supervisors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web

from desk.api.route import STAFF
from desk.live.live_calls import LiveStep
from desk.pages.desk_page import LIVE
from desk.pages.page_routes import Pages, choose_language
from desk.pages.page_words import list_words
from desk.people.session_requests import session_holder


class LivePage:
    """The page of live calls. `zone` returns the name of the centre's clock."""

    def __init__(self, pages: Pages, zone: Callable[[], str]) -> None:
        self._pages, self._zone = pages, zone

    def add_routes(self, app: web.Application) -> None:
        """Add the route of the page."""
        app.router.add_get(LIVE, self.serve_page)

    async def serve_page(self, request: web.Request) -> web.Response:
        """Return the page for a supervisor or admin. Without a session lead to the sign-in."""
        holder = session_holder(request, document=True)
        if holder is None:
            return web.Response(status=303, headers={"Location": "/sign-in", "Cache-Control": "no-store"})
        if holder.choose_role(STAFF, "", own=False) is None:
            return self._pages.respond_document(request, "no_live.html", 403)
        return self._pages.respond_document(request, "live.html", **build_live_values(
            choose_language(request), self._zone()))


def build_live_values(language: str, zone: str) -> dict[str, Any]:
    """Return the values of the template `live.html`."""
    words = {key: text for key, text in list_words(language).items() if key.startswith(("live.", "length."))}
    return {"context": {"language": language, "zone": zone, "words": words, "steps": [str(one) for one in LiveStep]}}
