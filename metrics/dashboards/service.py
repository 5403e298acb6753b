"""Hizmet: what callers get. For those who lead the queues."""

from __future__ import annotations

from metrics.dashboards.panel import (
    COUNT,
    HALF,
    HOURLY,
    MOST,
    SECONDS,
    SHARE,
    Board,
    Kind,
    Panel,
    Query,
    by,
    in_a_day,
    now,
    quantiles,
)
from metrics.report_words import Said
from metrics.ways import MENU_LIMIT_S

GOAL = (Query('max(acd_queue_target_ratio{queue=~"$queue"})', Said("hedef", "goal"), mark=True),)
CHANNELS = {"voice": Said("Telefon", "Telephone"), "chat": Said("Yazışma", "Chat"),
            "social": Said("Sosyal medya", "Social media"), "email": Said("E-posta", "E-mail"),
            "task": Said("Görev", "Task")}
ENDS = {"queued": Said("Sıraya girdi", "Entered a queue"),
        "operator": Said("Temsilci istedi (0)", "Asked for a person"),
        "self_service": Said("Menüde çözüldü", "Solved in the menu"),
        "led": Said("Dış numaraya", "To an outside number"),
        "abandoned": Said("Menüde kapattı", "Hung up in the menu"), "error": Said("Hata", "Error")}
TROUBLES = {"timeout": Said("Tuş gelmedi", "No key came"), "invalid": Said("Yanlış tuş", "Wrong key"),
            "repeat": Said("Tekrar istedi", "Asked to repeat"), "more_time": Said("Süre istedi", "Asked for time"),
            "slow_speech": Said("Yavaş konuşma", "Slow speech"),
            "operator_zero": Said("0 ile temsilci", "0 for a person")}
CALLED = {"asked": Said("İstendi", "Asked for"), "dialled": Said("Arandı", "Dialled"),
          "reached": Said("Ulaşıldı", "Reached"), "no_answer": Said("Yanıt yok", "No answer"),
          "busy": Said("Meşgul", "Busy"), "refused": Said("Reddedildi", "Refused"),
          "no_key": Said("Tuşlamadı", "No key"),
          "failed": Said("Aranamadı", "Failed"), "stale": Said("Süresi doldu", "Too old")}
OUTCOMES = {"answered": Said("Yanıtlandı", "Answered"), "abandoned": Said("Vazgeçti", "Abandoned"),
            "abandoned_short": Said("Kısa vazgeçme", "Short abandon"), "overflow": Said("Taştı", "Overflow"),
            "left": Said("Sıradan ayrıldı", "Left the queue"), "pbx_failure": Said("Santral arızası", "Failure"),
            "callback_failed": Said("Geri arama ulaşmadı", "Callback failed")}

_MET = 'sum(rate(acd_sla_contacts_total{within="true",queue=~"$queue"}[5m]))'
_ALL = 'sum(rate(acd_sla_contacts_total{queue=~"$queue"}[5m]))'
_SHORT = 'sum(rate(acd_contacts_total{outcome="abandoned_short",queue=~"$queue"}[5m]))'
_CAME = 'sum(rate(acd_contacts_offered_total{queue=~"$queue"}[5m]))'
_LEFT = 'sum(rate(acd_contacts_total{outcome=~"abandoned|abandoned_short",queue=~"$queue"}[5m]))'
_WAITED = 'acd_queue_wait_seconds_{part}{{outcome="answered",queue=~"$queue"}}[5m]'


BOARD = Board(
    "service", Said("Hizmet", "Service"),
    Said("Arayanların gördüğü hizmet: düzey, bekleme, vazgeçme, geri arama, menü.",
         "What callers get: level, waits, abandons, callbacks, menu."),
    variables=("queue",),
    panels=(
        Panel("level-now", Said("Hizmet düzeyi (5 dk)", "Service level (5 min)"),
              Said("Hedef süre içinde yanıtlanan / (yanıtlanan + vazgeçen); her vazgeçen sayılır.",
                   "Answered within the target / (answered + abandoned); every abandon counts."),
              SHARE, Kind.TILE, now(f"{_MET} / {_ALL}"), high=1.0),
        Panel("asa-now", Said("Ortalama bekleme (5 dk)", "Mean wait (5 min)"),
              Said("Yanıtlananların sıraya girişten bağlanmaya kadar ortalama beklemesi.",
                   "Mean wait of the answered, from queue entry to the bridge (ASA)."),
              SECONDS, Kind.TILE, now(f"sum(rate({_WAITED.format(part='sum')})) / "
                                       f"sum(rate({_WAITED.format(part='count')}))")),
        Panel("abandon-now", Said("Vazgeçme oranı (5 dk)", "Abandonment (5 min)"),
              Said("Sırada beklerken kapatan / gelen; kısa vazgeçmeler dâhil. Az olması iyidir.",
                   "Hung up while waiting / offered, short abandons included. Less is better."),
              SHARE, Kind.TILE, now(f"{_LEFT} / {_CAME}")),
        Panel("waiting-now", Said("Bekleyen", "Waiting"),
              Said("Şu an sırada bekleyen arayanlar.", "Callers who wait now."),
              COUNT, Kind.TILE, now('sum(acd_queue_contacts_waiting{queue=~"$queue"})')),
        Panel("oldest-now", Said("En uzun bekleyen", "Longest waiting"),
              Said("Şu an bekleyenlerin en uzun beklemesi.", "Longest wait of those who wait now."),
              SECONDS, Kind.TILE, now('max(acd_queue_oldest_wait_seconds{queue=~"$queue"})')),
        Panel("offered-now", Said("Son bir saatte gelen", "Offered in the last hour"),
              Said("Sıraya girenler; başka hizmete geçen her sırada bir kez sayılır.",
                   "Entered a queue; who is sent on counts once in each."),
              COUNT, Kind.TILE, now('round(sum(increase(acd_contacts_offered_total{queue=~"$queue"}[1h])))')),
        Panel("level", Said("Hizmet düzeyi, hizmete göre", "Service level by service"),
              Said("Beş dakikanın hizmet düzeyi; kimse aramadığında çizgi kesilir. Hedeflerin en yükseği çizilir.",
                   "Service level of five minutes; the line breaks when nobody called. Of several goals the highest is "
                   "drawn."),
              SHARE, Kind.LINES, by("queue", 'queue:acd_service_level:ratio_rate5m{queue=~"$queue"}') + GOAL,
              high=1.0, named=True),
        Panel("level-variants", Said("Hizmet düzeyinin üç tanımı", "Three definitions of the service level"),
              Said("Bizimki her vazgeçeni sayar. Kısasız: 5 sn'den önce vazgeçenler sayılmaz. Tümü: paydada her gelen. "
                   "Yarım saatte.",
                   "Ours counts every abandon. Without short: who hung up within 5 s does not count. Of all: everybody "
                   "who came is in the denominator. Of half an hour."),
              SHARE, Kind.LINES, (
                  Query(f"{_MET} / {_ALL}".replace("[5m]", "[30m]"), Said("bizimki", "ours")),
                  Query(f"{_MET} / ({_ALL} - {_SHORT})".replace("[5m]", "[30m]"), Said("kısasız", "without short")),
                  Query(f"{_MET} / {_CAME}".replace("[5m]", "[30m]"), Said("tümü", "of all")), *GOAL), high=1.0),
        Panel("abandon", Said("Vazgeçme oranı, hizmete göre", "Abandonment by service"),
              Said("Sırada kapatanların sıraya girenlere oranı, beş dakikada.",
                   "Abandoned / offered, in five minutes."),
              SHARE, Kind.LINES, by("queue", 'queue:acd_abandonment:ratio_rate5m{queue=~"$queue"}'), named=True),
        Panel("asa", Said("Ortalama bekleme, hizmete göre", "Mean wait by service (ASA)"),
              Said("Yanıtlananların ortalama beklemesi, beş dakikada.", "Mean wait of the answered in five minutes."),
              SECONDS, Kind.LINES, by("queue", 'queue:acd_asa_seconds:rate5m{queue=~"$queue"}'), named=True),
        Panel("waits", Said("Beklemenin yarısı ve onda dokuzu", "Half and nine tenths of the waits"),
              Said("Yanıtlananların yarısı ve onda dokuzu en çok bu kadar bekledi (5 dk).",
                   "Half and nine tenths of the answered waited no longer than this (5 min)."),
              SECONDS, Kind.LINES,
              quantiles('acd_queue_wait_seconds_bucket{outcome="answered",queue=~"$queue"}', HALF, MOST)),
        Panel("waiting", Said("Bekleyenler", "Waiting callers"),
              Said("Her hizmette o an sırada olanlar.", "Who waited in each service at that moment."),
              COUNT, Kind.LINES, by("queue", 'sum by (queue) (acd_queue_contacts_waiting{queue=~"$queue"})'),
              named=True),
        Panel("oldest", Said("En uzun bekleyen, hizmete göre", "Longest waiting by service"),
              Said("Sürekli yükseliyorsa o hizmete bakan yok demektir.",
                   "When it only rises, nobody serves that service."),
              SECONDS, Kind.LINES, by("queue", 'max by (queue) (acd_queue_oldest_wait_seconds{queue=~"$queue"})'),
              named=True),
        Panel("offered", Said("Gelen çağrılar", "Offered contacts"),
              Said("Sıraya girenlerin saatlik hızı, beş dakikadan hesaplanır.",
                   "Entries into the queue at an hourly rate, of five minutes."),
              HOURLY, Kind.LINES,
              by("queue", '3600 * sum by (queue) (rate(acd_contacts_offered_total{queue=~"$queue"}[5m]))'), named=True),
        Panel("handle", Said("Ortalama işlem süresi", "Average handle time (AHT)"),
              Said("(Konuşma + bekletme + toparlama) / biten konuşma, yarım saatte. Kısaltmak bir hedef değildir.",
                   "(Talk + hold + wrap-up) / talks that are over, of half an hour. Shortening it is no goal."),
              SECONDS, Kind.LINES, by("queue", 'queue:acd_aht_seconds:rate30m{queue=~"$queue"}'), named=True),
        Panel("callbacks-open", Said("Geri aranmayı bekleyen", "Waiting to be called back"),
              Said("Sırasını koruyup telefonu kapatanlar.", "Callers who hung up and kept their place."),
              COUNT, Kind.LINES, by("queue", 'sum by (queue) (acd_callbacks_waiting{queue=~"$queue"})'),
              named=True),
        Panel("menu-time", Said("Menüde geçen süre", "Time in the menu"),
              Said("Arayanların yarısı ve onda dokuzu menüde en çok bu kadar kaldı (5 dk); sınır 45 sn (BTK).",
                   "Half and nine tenths were in the menu no longer than this (5 min); the limit is 45 s (BTK)."),
              SECONDS, Kind.LINES, quantiles("ivr_duration_seconds_bucket", HALF, MOST),
              MENU_LIMIT_S, Said("sınır 45 sn", "limit 45 s"), limit_is_most=True),
        Panel("outcomes", Said("Bir günde çağrıların sonucu", "How contacts ended in a day"),
              Said("Son 24 saatte biten çağrılar, her biri bir kez.", "Contacts that ended in 24 hours, each once."),
              COUNT, Kind.BARS, in_a_day("acd_contacts_total", "outcome", '{queue=~"$queue"}'), words=OUTCOMES),
        Panel("channels", Said("Bir günde kanallar", "Channels in a day"),
              Said("Son 24 saatte gelenler, kanala göre.", "Offered in 24 hours, by channel."),
              COUNT, Kind.BARS, in_a_day("acd_contacts_offered_total", "channel", '{queue=~"$queue"}'), words=CHANNELS),
        Panel("callbacks", Said("Bir günde geri aramalar", "Callbacks in a day"),
              Said("Son 24 saatte istenen, aranan, ulaşılan; ulaşılmadıysa neden.",
                   "Asked for, dialled, reached in 24 hours; and why a try failed."),
              COUNT, Kind.BARS, in_a_day("acd_callbacks_total", "result", '{queue=~"$queue"}'), words=CALLED),
        Panel("menu", Said("Bir günde sesli menü", "The menu in a day"),
              Said("Son 24 saatte menünün nasıl bittiği.", "How the menu ended, in 24 hours."),
              COUNT, Kind.BARS, in_a_day("ivr_calls_completed_total", "outcome"), words=ENDS),
        Panel("menu-trouble", Said("Bir günde menüde zorlananlar", "What was hard in the menu, in a day"),
              Said("Tuş gelmedi, yanlış tuş, tekrar… Artıyorsa menü zor ya da süresi kısadır.",
                   "No key, a wrong key, repeat … When it grows, the menu is hard or its time too short."),
              COUNT, Kind.BARS, in_a_day("ivr_input_events_total", "event"), words=TROUBLES),
    ))
