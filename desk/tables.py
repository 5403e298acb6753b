"""Queues and agents as tables of the terminal."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

STATES = {"signed_out": "oturum kapalı", "ready": "uygun", "ringing": "çalıyor", "talking": "görüşmede",
          "wrapup": "hazırlanıyor", "paused": "molada", "not_responding": "yanıt vermiyor", "busy": "telefonu meşgul",
          "unreachable": "telefonuna ulaşılamıyor"}
"""What supervisors read. `hazırlanıyor` and `molada` are the same words for everybody, whatever the reason."""
REFUSES = "telefonu çağrıları geri çeviriyor"
"""Beside the state of somebody who does not respond because of their phone: "do not disturb", mostly."""
OVER_LIMIT = "süresi doldu"
"""Next to a pause that is longer than its reason allows."""
MENDED = "  Düzeltince: santral check, sonra santral reload"

DATES = ("valid_from", "valid_to", "review_at", "approved_by")
STYLES = {"ready": "green", "talking": "cyan", "ringing": "yellow", "not_responding": "red", "unreachable": "red"}


def duration(seconds: float) -> str:
    """`0:07`, `12:30`, `1:02:03`."""
    whole = max(0, int(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def queues(status: dict[str, Any]) -> Table:
    """One row a service."""
    table = Table(title="Kuyruklar", title_justify="left")
    table.add_column("hizmet")
    for name in ("bekleyen", "en uzun", "çalıyor", "görüşmede", "uygun", "oturum açan"):
        table.add_column(name, justify="right")
    for one in status["queues"]:
        table.add_row(Text(one["name"]), str(one["waiting"]), duration(one["oldest_wait_s"]), str(one["ringing"]),
                      str(one["talking"]), str(one["agents_ready"]), str(one["agents_signed_in"]))
    return table


def agents(status: dict[str, Any], *, all_of_them: bool) -> Table:
    """One row an agent; those who are not signed in only when asked for."""
    shown = [one for one in status["agents"] if all_of_them or one["state"] != "signed_out"]
    table = Table(title="Temsilciler", title_justify="left")
    for name in ("temsilci", "ekip", "masa", "durum"):
        table.add_column(name)
    table.add_column("süre", justify="right")
    table.add_column("hizmet")
    for one in shown:
        word = STATES.get(one["state"], one["state"])
        if one["state"] == "not_responding" and one["reason"] == "refusals":
            word += f" ({REFUSES})"
        if one["over_limit"]:
            word += f" ({OVER_LIMIT})"
        if one["pause_pending"]:
            word += ", sonra mola"
        table.add_row(Text(one["id"]), Text(one["team"]), Text(one["seat"] or "-"),
                      Text(word, style=STYLES.get(one["state"], "")), duration(status["at"] - one["since"]),
                      Text(one["service"] or ""))
    return table


def reasons(found: dict[str, Any]) -> Table:
    """Show the table of pause reasons, one row a reason."""
    table = Table(title="Mola nedenleri", title_justify="left")
    for name in ("neden", "adı", "tuş", "sayılır", "süre"):
        table.add_column(name)
    for one in found["reasons"]:
        table.add_row(Text(one["id"] + (" *" if one["default"] else "")), Text(one["tr"]), one["digit"] or "-",
                      "çalışma" if one["work"] else "mola", duration(one["limit_s"]) if one["limit_s"] else "-")
    return table


def changes(found: list[dict[str, Any]]) -> Table:
    """What a reload changes."""
    table = Table(title="Changes", title_justify="left")
    for name in ("file", "what", "key", "was", "now"):
        table.add_column(name, overflow="fold")
    for one in found:
        table.add_row(*(Text(one[key]) for key in ("part", "item", "key", "was", "now")))
    return table


def callbacks(found: dict[str, Any]) -> Table:
    """One row a caller who waits to be called back; no number."""
    table = Table(title="Geri aramalar", title_justify="left")
    for name in ("çağrı", "hizmet"):
        table.add_column(name)
    for name in ("sıra", "bekleme", "deneme"):
        table.add_column(name, justify="right")
    table.add_column("sonraki")
    for one in found["callbacks"]:
        rest = one["next_at"] - found["at"]
        then = "aranıyor" if one["dialling"] else f"{duration(rest)} sonra" if rest > 0 else "sırası gelince"
        table.add_row(Text(one["id"]), Text(one["service"]), str(one["position"]), duration(found["at"] - one["since"]),
                      str(one["tries"]), then)
    return table


def waiting(found: dict[str, Any]) -> Table:
    """One row a caller in line; no number."""
    table = Table(title="Bekleyenler", title_justify="left")
    for name in ("çağrı", "hizmet"):
        table.add_column(name)
    for name in ("sıra", "bekleme", "puan"):
        table.add_column(name, justify="right")
    for one in found["contacts"]:
        table.add_row(Text(one["id"]), Text(one["service"]), str(one["position"]), duration(one["waited_s"]),
                      str(one["points"]))
    return table


def needs(found: dict[str, Any]) -> RenderableType:
    """What is stored of somebody's needs, by the keys of the files; for their own eyes."""
    def table(title: str, said: dict[str, Any]) -> Table:
        one = Table(title=title, title_justify="left", show_header=False)
        for name, value in said.items():
            one.add_row(Text(name), Text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)))
        return one

    entries: list[RenderableType] = [
        table("Size özel, yürürlükte" if one["in_force"] else "Size özel, yürürlükte değil",
              {**one["needs"], **{name: one[name] for name in DATES if one[name] is not None}})
        for one in found["entries"]]
    return Group(*entries or [Text("Size özel kayıtlı bir düzenleme yok.")],
                 *([table("Herkes için", found["everybody"])] if found["everybody"] else []))


def away(why: str) -> RenderableType:
    """Instead of everything, while the node is not there: what was true then may not be now."""
    return Group(Text("SANTRAL ŞU ANDA YANIT VERMİYOR, yeniden deneniyor.", style="bold red"), Text(f"  {why}"))


def whole(status: dict[str, Any], zone: ZoneInfo | None = None, *, all_of_them: bool = False) -> RenderableType:
    """Everything. `zone`: of the centre's clock, when the centre's files are not in force."""
    counts = Counter(STATES.get(one["state"], one["state"]) for one in status["agents"])
    line = Text("Asterisk bağlı" if status["link_up"] else "ASTERISK BAĞLI DEĞİL",
                style="green" if status["link_up"] else "bold red")
    line.append("   " + ", ".join(f"{count} {word}" for word, count in counts.most_common()), style="default")
    return Group(line, *_last_good(status.get("last_good"), zone), *_nobody_left(status.get("nobody_left")),
                 queues(status), agents(status, all_of_them=all_of_them))


def _last_good(found: dict[str, Any] | None, zone: ZoneInfo | None) -> list[Text]:
    """What is said when the centre's files are not in force: the mistakes are for those who mend them. A node that was
    not started anew since the commands were says nothing of it."""
    if found is None:
        return []
    since = datetime.fromtimestamp(found["since"], zone)
    return [Text(f"MERKEZİN DOSYALARINDA HATA VAR: {since:%d.%m.%Y %H:%M} tarihinden beri geçerli olan son sağlam "
                 "kopyayla çalışılıyor.", style="bold red"),
            *(Text(f"  {one}") for one in found["problems"]), Text(MENDED)]


def _nobody_left(found: list[str] | None) -> list[Text]:
    """As above, of a day whose needs leave nobody; an older node says nothing of it, either."""
    if not found:
        return []
    return [Text("BUGÜN BAZI ARAYANLARA BAKABİLECEK KİMSE YOK: çalışanlar için geçerli düzenlemeler kimseyi "
                 "bırakmıyor.", style="bold red"), *(Text(f"  {one}") for one in found), Text(MENDED)]
