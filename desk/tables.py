"""Render queues and agents as tables for the terminal."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from routing.core.model.centre_model import AgentState
from routing.core.model.reasons import DECLINES, PHONE_DROPS

STATES = {AgentState.SIGNED_OUT: "oturum kapalı", AgentState.READY: "uygun", AgentState.RINGING: "çalıyor",
          AgentState.TALKING: "görüşmede", AgentState.WRAPUP: "hazırlanıyor", AgentState.PAUSED: "molada",
          AgentState.NOT_RESPONDING: "yanıt vermiyor", AgentState.BUSY: "telefonu meşgul",
          AgentState.UNREACHABLE: "telefonuna ulaşılamıyor"}
"""Words for supervisors. `hazırlanıyor` and `molada` are the same words for everybody, whatever the reason."""
PHONE_FAULTS = {DECLINES: "telefonu çağrıları geri çeviriyor", PHONE_DROPS: "telefonu çağrıları açıp kapatıyor"}
"""Shown next to *not responding*: the phone refused, mostly by "do not disturb", or answered and hung up."""
OVER_LIMIT = "süresi doldu"
BREAK_POSTPONED = "mola ertelendi: yerine bakacak kimse yok"
"""Shown next to a pause that is longer than its reason allows."""
RELOAD_HINT = "  Düzeltince: santral check, sonra santral reload"

DATES = ("valid_from", "valid_to", "review_at", "approved_by")
STYLES = {AgentState.READY: "green", AgentState.TALKING: "cyan", AgentState.RINGING: "yellow",
          AgentState.NOT_RESPONDING: "red", AgentState.UNREACHABLE: "red"}


def format_duration(seconds: float) -> str:
    """Return a duration as `0:07`, `12:30` or `1:02:03`."""
    whole = max(0, int(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def queue_table(status: dict[str, Any]) -> Table:
    """Return a table with one row for each service."""
    table = Table(title="Kuyruklar", title_justify="left")
    table.add_column("hizmet")
    for name in ("bekleyen", "en uzun", "çalıyor", "görüşmede", "uygun", "oturum açan"):
        table.add_column(name, justify="right")
    for one in status["queues"]:
        table.add_row(Text(one["name"]), str(one["waiting"]), format_duration(one["oldest_wait_s"]),
                      str(one["ringing"]), str(one["talking"]), str(one["agents_ready"]), str(one["agents_signed_in"]))
    return table


def agent_table(status: dict[str, Any], *, all_of_them: bool) -> Table:
    """Return a table with one row for each agent. Agents who are not signed in appear only if asked for."""
    shown = [one for one in status["agents"] if all_of_them or one["state"] != AgentState.SIGNED_OUT]
    table = Table(title="Temsilciler", title_justify="left")
    for name in ("temsilci", "ekip", "masa", "durum"):
        table.add_column(name)
    table.add_column("süre", justify="right")
    table.add_column("hizmet")
    for one in shown:
        # A newer node may know a state that this command does not.
        word = STATES.get(one["state"], one["state"])
        if one["state"] == AgentState.NOT_RESPONDING and one["reason"] in PHONE_FAULTS:
            word += f" ({PHONE_FAULTS[one['reason']]})"
        if one["over_limit"]:
            word += f" ({OVER_LIMIT})"
        if one["break_postponed"]:
            word += f" ({BREAK_POSTPONED})"
        if one["pause_pending"]:
            word += ", sonra mola"
        table.add_row(Text(one["id"]), Text(one["team"]), Text(one["seat"] or "-"),
                      Text(word, style=STYLES.get(one["state"], "")), format_duration(status["at"] - one["since"]),
                      Text(one["service"] or ""))
    return table


def skill_table(found: dict[str, Any]) -> Table:
    """Return the skills of an agent, with a note if they are not those of team.yaml."""
    table = Table("Beceri", Column("Düzey", justify="right"),
                  caption="Oturum kapanana kadar; sonra team.yaml geçerli." if found["for_now"] else None)
    for skill, level in sorted(found["skills"].items()):
        table.add_row(skill, str(level))
    return table


def reasons(found: dict[str, Any]) -> Table:
    """Return a table with one row for each pause reason."""
    table = Table(title="Mola nedenleri", title_justify="left")
    for name in ("neden", "adı", "tuş", "sayılır", "süre"):
        table.add_column(name)
    for one in found["reasons"]:
        table.add_row(Text(one["id"] + (" *" if one["default"] else "")), Text(one["tr"]), one["digit"] or "-",
                      "çalışma" if one["work"] else "mola", format_duration(one["limit_s"]) if one["limit_s"] else "-")
    return table


def change_table(found: list[dict[str, Any]]) -> Table:
    """Return a table of the changes of a reload."""
    table = Table(title="Changes", title_justify="left")
    for name in ("file", "what", "key", "was", "now"):
        table.add_column(name, overflow="fold")
    for one in found:
        table.add_row(*(Text(one[key]) for key in ("part", "item", "key", "was", "now")))
    return table


def callback_table(found: dict[str, Any]) -> Table:
    """Return a table with one row for each callback, without numbers."""
    table = Table(title="Geri aramalar", title_justify="left")
    for name in ("çağrı", "hizmet"):
        table.add_column(name)
    for name in ("sıra", "bekleme", "deneme"):
        table.add_column(name, justify="right")
    table.add_column("sonraki")
    for one in found["callbacks"]:
        rest = one["next_at"] - found["at"]
        then = "aranıyor" if one["dialling"] else f"{format_duration(rest)} sonra" if rest > 0 else "sırası gelince"
        table.add_row(Text(one["id"]), Text(one["service"]), str(one["position"]),
                      format_duration(found["at"] - one["since"]), str(one["tries"]), then)
    return table


def waiting_table(found: dict[str, Any]) -> Table:
    """Return a table with one row for each waiting caller, without numbers."""
    table = Table(title="Bekleyenler", title_justify="left")
    for name in ("çağrı", "hizmet"):
        table.add_column(name)
    for name in ("sıra", "bekleme", "puan"):
        table.add_column(name, justify="right")
    for one in found["contacts"]:
        table.add_row(Text(one["id"]), Text(one["service"]), str(one["position"]), format_duration(one["waited_s"]),
                      str(one["points"]))
    return table


def needs_tables(found: dict[str, Any]) -> RenderableType:
    """Return the stored accommodations of an agent as tables, by the keys of the files.

    Only the agent reads these tables.
    """
    def fields_table(title: str, said: dict[str, Any]) -> Table:
        one = Table(title=title, title_justify="left", show_header=False)
        for name, value in said.items():
            one.add_row(Text(name), Text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)))
        return one

    entries: list[RenderableType] = [
        fields_table("Size özel, yürürlükte" if one["in_force"] else "Size özel, yürürlükte değil",
                     {**one["needs"], **{name: one[name] for name in DATES if one[name] is not None}})
        for one in found["entries"]]
    return Group(*entries or [Text("Size özel kayıtlı bir düzenleme yok.")],
                 *([fields_table("Herkes için", found["everybody"])] if found["everybody"] else []))


def unreachable_notice(why: str) -> RenderableType:
    """Return a notice while the node does not answer. Older figures are not shown, because they may be wrong now."""
    return Group(Text("SANTRAL ŞU ANDA YANIT VERMİYOR, yeniden deneniyor.", style="bold red"), Text(f"  {why}"))


def status_page(status: dict[str, Any], zone: ZoneInfo | None = None, *, all_of_them: bool = False) -> RenderableType:
    """Return the whole status. `zone` is the centre's time zone, needed if a last known good copy is in force."""
    counts = Counter(STATES.get(one["state"], one["state"]) for one in status["agents"])
    line = Text("Asterisk bağlı" if status["link_up"] else "ASTERISK BAĞLI DEĞİL",
                style="green" if status["link_up"] else "bold red")
    line.append("   " + ", ".join(f"{count} {word}" for word, count in counts.most_common()), style="default")
    return Group(line, *_last_known_good_notice(status.get("last_known_good"), zone),
                 *_unservable_notice(status.get("unservable_needs")),
                 *_refused_notice(status.get("refused_numbers")), queue_table(status),
                 agent_table(status, all_of_them=all_of_them))


def _last_known_good_notice(found: dict[str, Any] | None, zone: ZoneInfo | None) -> list[Text]:
    """Return a notice if a copy of the centre's files is in force. It lists the mistakes to fix."""
    if found is None:
        return []
    since = datetime.fromtimestamp(found["since"], zone)
    return [Text(f"MERKEZİN DOSYALARINDA HATA VAR: {since:%d.%m.%Y %H:%M} tarihinden beri geçerli olan son sağlam "
                 "kopyayla çalışılıyor.", style="bold red"),
            *(Text(f"  {one}") for one in found["problems"]), Text(RELOAD_HINT)]


FORMS = {"plus": "+ ile", "zeros": "00 ile", "country": "90 ile", "zero": "0 ile", "plain": "başka bir rakamla"}
"""Begin of a refused number in words."""


def _refused_notice(found: list[dict[str, Any]] | None) -> list[Text]:
    """Return a notice on calls to numbers that `[numbers]` does not name, by the form of the number."""
    if not found:
        return []
    forms = ", ".join(f"{one['calls']} × " + (f"{FORMS[one['form']]} başlayan {one['digits']} hane"
                                              if one["form"] in FORMS else "numara olmayan bir ad") for one in found)
    return [Text(f"Merkezin olmayan numaralara gelen çağrılar geri çevrildi: {forms}. Bunlar merkezin numarasıysa "
                 "[numbers] içine yazın.", style="yellow")]


def _unservable_notice(found: list[str] | None) -> list[Text]:
    """Return a notice if accommodations leave no agent for some callers today."""
    if not found:
        return []
    return [Text("BUGÜN BAZI ARAYANLARA BAKABİLECEK KİMSE YOK: çalışanlar için geçerli düzenlemeler kimseyi "
                 "bırakmıyor.", style="bold red"), *(Text(f"  {one}") for one in found), Text(RELOAD_HINT)]
