"""Answer requests for documents and static files of the pages."""

from __future__ import annotations

from aiohttp import web

from desk.pages.page_templates import PageTemplates
from desk.pages.page_words import LANGUAGES
from desk.pages.static_files import StaticFiles

LANGUAGE_COOKIE = "santral-language"
LANGUAGE_DAYS = 365
IMMUTABLE = "public, max-age=31536000, immutable"
"""A checksum in the address names the content, so a browser need never ask again."""


def build_page_headers(sip: str = "") -> dict[str, str]:
    """Return the headers of a page. `sip` is the origin of the telephone's WebSocket if it is not this server."""
    connect = f"'self' {sip}".strip()
    return {
        "Content-Security-Policy":
            f"default-src 'none'; script-src 'self'; style-src 'self'; connect-src {connect}; "
            "media-src 'self' blob:; img-src 'self'; frame-ancestors 'none'",
        "Permissions-Policy": "microphone=(self)",
        "Cache-Control": "no-store",
        # Without a referrer a form would be sent with `Origin: null`, and nobody could tell that it is ours.
        "Referrer-Policy": "same-origin",
    }


def choose_language(request: web.Request) -> str:
    """Return the language that the address names, else that of the cookie, else Turkish."""
    for wanted in (request.query.get("language"), request.cookies.get(LANGUAGE_COOKIE)):
        if wanted in LANGUAGES:
            return wanted
    return LANGUAGES[0]


class Pages:
    """Documents and static files of the pages."""

    def __init__(self, sip: str = "") -> None:
        self.files = StaticFiles()
        self.templates = PageTemplates(self.files)
        self._headers = build_page_headers(sip)

    def add_routes(self, app: web.Application) -> None:
        """Add the routes of static files."""
        app.router.add_get("/static/{name:.+}", self.serve_file)

    def respond_document(self, request: web.Request, template: str, status: int = 200,
                         **values: object) -> web.Response:
        """Return a document in the language of the request. A language in the address is kept in a cookie."""
        language = choose_language(request)
        text = self.templates.render_document(template, language, **values)
        response = web.Response(text=text, status=status, content_type="text/html", charset="utf-8",
                                headers=self._headers)
        if request.query.get("language") == language:
            response.set_cookie(LANGUAGE_COOKIE, language, max_age=LANGUAGE_DAYS * 86400, path="/", secure=True,
                                httponly=True, samesite="Strict")
        return response

    async def serve_file(self, request: web.Request) -> web.Response:
        """Return a static file. The address with the present checksum is immutable, any other is asked for again."""
        name = request.match_info["name"]
        first, _, rest = name.partition("/")
        current = first == self.files.checksum
        file = self.files.find_file(rest if current else name)
        if file is None:
            raise web.HTTPNotFound
        tag = f'"{self.files.checksum}"'
        headers = {"Cache-Control": IMMUTABLE if current else "no-cache", "ETag": tag, "Vary": "Accept-Encoding",
                   "Content-Type": file.content_type}
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers=headers)
        body = file.content
        if file.compressed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
            body, headers["Content-Encoding"] = file.compressed, "gzip"
        return web.Response(body=body, headers=headers)
