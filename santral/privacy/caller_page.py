"""Write the exported data of a caller as one page in plain Turkish, for a person and not for a program.

    page = render_page(told, PageContext("Örnek Hastanesi", "Europe/Istanbul", {"randevu": "Randevu"}), now)

The page needs nothing but its folder: it has no script, and its sounds are files of the same folder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), undefined=StrictUndefined,
                        autoescape=True, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
MONTHS = ("Ocak", "Şubat", "Mart", "Nisan", "Mayıs", "Haziran", "Temmuz", "Ağustos", "Eylül", "Ekim", "Kasım",
          "Aralık")
OUTCOMES = {"answered": "Görüşme tamamlandı.", "abandoned": "Görüşme başlamadan kapattınız.",
            "abandoned_short": "Hemen kapattınız.", "fallback": "Yedek sıradan bir görevliye bağlandınız.",
            "left": "Sıradan bir tuşla ayrıldınız.", "pbx_failure": "Çağrı, santraldeki bir arıza yüzünden kesildi.",
            "callback_failed": "Sizi geri aradık ama size ulaşamadık.",
            "turned_away": "O anda size yardım edecek kimse yoktu, çağrı bir mesajla sona erdi."}
ENDED_BY = {"caller": "Görüşmeyi siz kapattınız.", "agent": "Görüşmeyi görevli kapattı.",
            "lost": "Görüşmenin bağlantısı koptu.", "transfer": "Başka bir görevliye aktarıldınız."}
MESSAGE_STATES = {"sent": "gönderildi", "waiting": "gönderilecek"}


class PageContext(NamedTuple):
    """Names that the page needs from the centre."""

    centre: str
    """Name of the centre."""
    timezone: str
    services: Mapping[str, str]
    """Spoken name of each service by its id."""


class _Call(NamedTuple):
    """One contact of the caller, ready for the page."""

    title: str
    steps: list[tuple[str, str]]
    """Time and sentence."""
    sounds: list[dict[str, str]]
    notes: list[tuple[str, str]]


def render_page(told: Mapping[str, Any], context: PageContext, now: float) -> str:
    """Return the page as HTML. `told` is the content of `caller.json`, and `now` the time in Unix seconds."""
    zone = ZoneInfo(context.timezone)

    def format_time(at: float) -> str:
        local = datetime.fromtimestamp(at, zone)
        return f"{local.day} {MONTHS[local.month - 1]} {local.year}, {local:%H.%M}"

    def name_service(service: str) -> str:
        return context.services.get(service, service)

    calls = [_describe_call(contact, told, format_time, name_service) for contact in _contacts_of(told)]
    wishes = [text for one in told["wishes"] for text, on in (
        ("Duyuruları yavaş dinlemek istediniz.", one["slow"]),
        ("Menü yerine doğrudan bir görevliyle konuşmak istediniz.", one["human_first"])) if on]
    messages = [{"at": format_time(one["at"]), "text": one["text"] or "",
                 "state": MESSAGE_STATES.get(one["state"], "gönderilemedi")} for one in told["short_messages"]]
    keyed = [{"at": format_time(one["at"]), "field": one["field"], "digits": one["digits"]}
             for one in told["keyed_in"]]
    return TEMPLATES.get_template("caller.html").render(
        centre=context.centre, now=format_time(now), numbers=told["numbers"], calls=calls, wishes=wishes,
        messages=messages, keyed=keyed)


def _contacts_of(told: Mapping[str, Any]) -> list[str]:
    """Return the ids of all contacts that the data speaks of, the oldest first."""
    first: dict[str, float] = {}
    for kind in ("course", "talks", "recordings", "notes"):
        for one in told[kind]:
            at = one.get("at") or one.get("connected_at") or 0.0
            first[one["contact"]] = min(at, first.get(one["contact"], at))
    for one in told["contacts"]:
        first.setdefault(one["contact"], one["queued_at"])
    return sorted(first, key=lambda contact: first[contact])


def _describe_call(contact: str, told: Mapping[str, Any], format_time: Callable[[float], str],
                   name_service: Callable[[str], str]) -> _Call:
    of_call = {kind: [one for one in told[kind] if one["contact"] == contact]
               for kind in ("contacts", "course", "talks", "recordings", "notes")}
    steps = [(format_time(one["at"]), text) for one in of_call["course"] if (text := describe_step(one, name_service))]
    services = [one["service"] for one in (*of_call["contacts"], *of_call["recordings"], *of_call["talks"])]
    begins = [one["at"] for one in (*of_call["course"], *of_call["recordings"], *of_call["notes"])]
    begins += [one["queued_at"] for one in of_call["contacts"]]
    title = format_time(min(begins)) + (f" – {name_service(services[0])}" if services else "")
    return _Call(
        title, steps,
        [{"file": one["file"], "length": format_length(one["seconds"]), "until": format_time(one["keep_until"])}
         for one in of_call["recordings"]],
        [(format_time(one["at"]), one["text"] or "Not okunamıyor.") for one in of_call["notes"]])


def describe_step(one: Mapping[str, Any], name_service: Callable[[str], str]) -> str:
    """Return a sentence for one fact of a call, or nothing if a person learns nothing from it."""
    kind = one["kind"]
    if kind == "MenuEndedRecorded":
        return f"Menüde {format_length(one['lasted_s'])} kaldınız."
    if kind == "Queued":
        return f"{name_service(one['service'])} hizmetinde sıraya girdiniz."
    if kind == "Moved":
        return f"{name_service(one['service'])} hizmetinin sırasına geçtiniz."
    if kind == "WayOutOffered":
        return "Uzun beklediğiniz için size başka bir yol önerildi."
    if kind == "CallbackChanged":
        return "Geri arama istediniz." if one["callback"] else "Geri arama kaldırıldı."
    if kind == "CallbackDialled":
        return "Sizi geri aradık."
    if kind == "Connected":
        return f"{format_length(one['wait_s'])} bekledikten sonra bir görevliye bağlandınız."
    if kind == "HoldSetRecorded":
        return "Görevli sizi beklemeye aldı." if one["on"] else "Görevli yeniden sizinle konuştu."
    if kind == "FollowUpAgreedRecorded":
        return "Çağrı kesilirse geri aranmayı " + ("kabul ettiniz." if one["agreed"] else "artık istemediniz.")
    if kind == "CallerFlaggedAbusiveRecorded":
        return "Görevli görüşmeyi incitici olarak işaretledi." if one["abusive"] else "Görevli bu işareti kaldırdı."
    if kind in ("ConsultStarted", "ConsultCompleted"):
        asks = kind == "ConsultStarted"
        return f"{name_service(one['to'])} hizmetine " + ("danışıldı." if asks else "aktarıldınız.")
    if kind == "TalkEndedRecorded":
        return f"{format_length(one['talk_s'])} görüştünüz. {ENDED_BY.get(one['by'], '')}".strip()
    if kind == "Ended":
        return OUTCOMES.get(one["outcome"], "")
    if kind == "SurveyAnsweredRecorded":
        return f"Ankete {one['answer']} yanıtını verdiniz."
    return ""


def format_length(seconds: float) -> str:
    """Return a length of time in words: "40 saniye", "3 dakika 10 saniye"."""
    minutes, rest = divmod(round(seconds), 60)
    words = [f"{minutes} dakika"] if minutes else []
    return " ".join([*words, f"{rest} saniye"] if rest or not minutes else words)
