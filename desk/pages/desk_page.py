"""Answer `GET /`: the one document in which an agent works for a shift."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from desk.api.models import OwnNeeds
from desk.api.node_operations import NodeOperations
from desk.api.own_models import AccessLog
from desk.api.route import STAFF
from desk.api.tokens import Role
from desk.live.desk_state import DeskSources, DeskState, build_desk_state
from desk.pages.desk_view import DeskContext, build_desk_view
from desk.pages.page_routes import Pages, choose_language
from desk.pages.page_words import list_words
from desk.pages.profile_words import describe_access, describe_profile, value_in_force
from desk.people.session_requests import session_holder
from routing.core.inbox import Inbox
from routing.core.model.ids import AgentId

LIVE = "/live"
"""Page of a supervisor."""
ACTIONS = ("answer", "hangup", "hold", "wrapup", "where")
"""Actions that have a shortcut key. `static/keys.js` has the keys."""
ICONS = ("off", "ready", "ringing", "talking", "held", "wrapup", "paused", "trouble")
"""Shapes of the icon. Each state has its own shape, so nobody needs the colour."""


class DeskPage:
    """The page of an agent."""

    def __init__(self, pages: Pages, inbox: Inbox, operations: NodeOperations, sources: DeskSources) -> None:
        self._pages, self._inbox, self._operations, self._sources = pages, inbox, operations, sources

    def add_routes(self, app: web.Application) -> None:
        """Add the route of the page."""
        app.router.add_get("/", self.serve_page)

    async def serve_page(self, request: web.Request) -> web.Response:
        """Return the page of the agent whose session asks. Lead a supervisor to the calls, and anybody without a
        session to the sign-in."""
        holder = session_holder(request, document=True)
        if holder is None:
            return web.Response(status=303, headers={"Location": "/sign-in", "Cache-Control": "no-store"})
        view = self._inbox.desk_view(AgentId(holder.agent)) if Role.AGENT in holder.roles else None
        if view is None and holder.choose_role(STAFF, "", own=False) is not None:
            # A supervisor has no desk, but watches the calls.
            return web.Response(status=303, headers={"Location": LIVE, "Cache-Control": "no-store"})
        if view is None:
            return self._pages.respond_document(request, "no_desk.html", 403)
        state = build_desk_state(view, self._sources, own=True)
        services = {str(one.service): one.name for one in self._inbox.queue_status().queues}
        reasons = {one.id: {"tr": one.name or one.id, "en": one.name_en or one.id}
                   for one in self._inbox.pause_reasons()}
        names = {str(one.agent): self._operations.display_name(one.agent) for one in self._inbox.agent_views()}
        language = choose_language(request)
        return self._pages.respond_document(request, "desk.html", **build_page_values(
            state, language, services, {key: texts[language] for key, texts in reasons.items()}, names,
            self._operations.own_needs(view.agent.agent), await self._operations.access_log(view.agent.agent),
            self._operations.timezone(), self._pages, {
                one.service: {code.id: code.name for code in one.codes}
                for one in self._operations.list_codes().services},
            supervises=holder.choose_role(STAFF, "", own=False) is not None))


def build_page_values(state: DeskState, language: str, services: Mapping[str, str], reasons: Mapping[str, str],
                      names: Mapping[str, str], needs: OwnNeeds, access: AccessLog, zone: str,
                      pages: Pages, codes: Mapping[str, Mapping[str, str]], *,
                      supervises: bool = False) -> dict[str, Any]:
    """Return the values of the template `desk.html`. `supervises` adds the link to the live calls."""
    words = list_words(language)
    shown = state.model_dump(mode="json", by_alias=True)
    context = DeskContext(words, reasons, names, services, ZoneInfo(zone))
    return {
        "view": build_desk_view(shown, context), "live": LIVE if supervises else "",
        "profile": describe_profile(needs, words, services)._replace(
            shown=describe_access(access, words, context.zone)),
        "context": {
            "agent": state.agent, "language": language, "words": words, "reasons": dict(reasons),
            "names": dict(names), "services": dict(services), "zone": zone, "state": shown, "codes": codes,
            "actions": list(ACTIONS),
            "icons": {name: pages.files.address_of(f"icon-{name}.svg") for name in ICONS},
            "verbosity": value_in_force(needs, "verbosity", "normal"),
            "answer_mode": value_in_force(needs, "answer_mode", "manual"),
        },
    }
