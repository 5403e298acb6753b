"""İş yükü ve iyilik hâli: how those who answer are. Groups of five and more only, never a person."""

from __future__ import annotations

from metrics import names
from metrics.alerts import OCCUPANCY_MOST
from metrics.dashboards.panel import COUNT, SECONDS, SHARE, Board, Kind, Panel, Query, by, in_a_day, now
from metrics.report_words import Said

STATES = {"ready": Said("Uygun", "Ready"), "resting": Said("Ara veriyor", "Resting"),
          "ringing": Said("Çalıyor", "Ringing"), "talking": Said("Görüşmede", "Talking"),
          "wrapup": Said("Toparlamada", "Wrap-up"), "paused": Said("Molada", "On a break"),
          "not_responding": Said("Yanıt vermiyor", "Not responding"), "busy": Said("Telefonu meşgul", "Phone busy"),
          "unreachable": Said("Ulaşılamıyor", "Unreachable")}
PHASES = {"pre_connect": Said("Bağlanmadan önce", "Before the connection"), "talk": Said("Konuşma", "Talk"),
          "hold": Said("Bekletme", "Hold"), "wrapup": Said("Toparlama", "Wrap-up")}
BREAKS = {"kept": Said("Zamanında", "Kept"), "delayed": Said("Gecikti", "Delayed"),
          "overridden": Said("Verilmedi ya da kesildi", "Given up or cut short")}
RESULTS = {"answered": Said("Yanıtlandı", "Answered"), "ring_no_answer": Said("Çaldı, yanıt yok", "Rang out"),
           "rejected": Said("Reddedildi", "Rejected"), "cancelled": Said("Arayan kapattı", "Caller hung up"),
           "rescinded": Said("Geri alındı", "Rescinded"), "auto_answered": Said("Kendiliğinden", "Auto-answered")}
TEAMS = {names.POOLED: Said("Küçük ekipler", "Small teams")}
RULES = {
    "channels": Said("Kanallar", "Channels"), "max_concurrency": Said("Aynı anda en çok", "At most at once"),
    "ring_timeout": Said("Çalma süresi", "Time to ring"), "answer_mode": Said("Yanıtlama biçimi", "Way to answer"),
    "pre_connect": Said("Bağlanmadan önce bilgi", "Brief before connect"),
    "wrapup": Said("Toparlama süresi", "Wrap-up"),
    "wrapup_extend": Said("Ek toparlama", "More wrap-up"), "rest_gap": Said("İki çağrı arası dinlenme", "Rest gap"),
    "misses_allowed": Said("Kaçırma hakkı", "Misses allowed"), "wrapup_mode": Said("Toparlama biçimi", "Wrap-up mode"),
    "capacity": Said("Yük payı", "Capacity"), "one_at_a_time": Said("Her seferinde bir temas", "One at a time"),
    "captions": Said("Canlı altyazı", "Live captions"), "break_grace": Said("Mola gecikme payı", "Grace of a break"),
    "max_continuous": Said("Kesintisiz çalışma", "Continuous work"),
    "distress": Said("Ağır çağrı yükü", "Distress load"), "no_topics": Said("Gelmeyen konular", "Topics kept away"),
    "pair_id": Said("İkili çalışma", "Working as a pair"),
    "auto_return": Said("Kendiliğinden dönüş", "Return by itself"),
    "comfort": Said("Ses ve ekran rahatlığı", "Sound and screen"), "break": Said("Mola", "Break"),
    names.POOLED: Said("Seyrek kurallar", "Rare rules")}
"""Of a profile, as `acd_accommodations_applied_total` names them."""
SMALL = Said("Beş kişiden küçük ekipler birlikte gösterilir; birlikte de beşten azsa hiç.",
             "Teams below five are shown together, and not at all when together they are fewer.")

TIRING = OCCUPANCY_MOST, Said("sınır %90", "limit 90 %"), True
"""The limit of the alert, its name, and that more of it is bad."""

_WORKING = 'sum(rate(acd_agent_state_seconds_total{state=~"talking|wrapup",team=~"$team"}[30m]))'
_THERE = 'sum(rate(acd_agent_state_seconds_total{state=~"talking|wrapup|ready",team=~"$team"}[30m]))'
_ON_DUTY = f'on () (sum(acd_agents{{state!="signed_out",team=~"$team"}}) >= {names.K_MIN})'
"""How one who is there alone at night spends the time is nobody's figure, though the team is large."""


def _teams(tr: str, en: str) -> Said:
    return Said(f"{tr} {SMALL.tr}", f"{en} {SMALL.en}")


BOARD = Board(
    "workload", Said("İş yükü ve iyilik hâli", "Workload and wellbeing"),
    Said("Ekiplerin yükü, dinlenmesi ve uyarlamaların tutulması. Kişi gösterilmez.",
         "Load and rest of the teams, and whether accommodations hold. No person is shown."),
    variables=("team",),
    panels=(
        Panel("on-duty", Said("Oturumu açık", "Signed in"),
              _teams("Şu an oturumu açık temsilciler.", "Agents who are signed in now."),
              COUNT, Kind.TILE, now('sum(acd_agents{state!="signed_out",team=~"$team"})')),
        Panel("ready-now", Said("Uygun", "Ready"),
              _teams("Şu an çağrı alabilecekler.", "Who could take a call now."),
              COUNT, Kind.TILE, now('sum(acd_agents{state="ready",team=~"$team"})')),
        Panel("breaks-now", Said("Molada", "On a break"),
              _teams("Şu an molada olanlar, neden olursa olsun.", "Who is on a break now, whatever the reason."),
              COUNT, Kind.TILE, now('sum(acd_agents{state="paused",team=~"$team"})')),
        Panel("occupancy-now", Said("Doluluk (30 dk)", "Occupancy (30 min)"),
              Said("(Konuşma + toparlama) / (konuşma + toparlama + uygun); dinlenme sayılmaz. %90 üstü yorar. "
                   "Görevde beşten az kişi varken gösterilmez.",
                   "(Talk + wrap-up) / (talk + wrap-up + ready); rest does not count. Above 90 % wears people out. "
                   "Not shown while fewer than five are on duty."),
              SHARE, Kind.TILE, now(f"{_WORKING} / {_THERE} and {_ON_DUTY}"), *TIRING, high=1.0),
        Panel("limited-now", Said("Zor çağrı sınırında", "At the limit of distress"),
              _teams("Ağır çağrı yükü sınırına gelen, o yüzden şimdilik ağır çağrı almayan temsilciler.",
                     "Agents at the limit of their distress load: no heavy contact comes to them for now."),
              COUNT, Kind.TILE, now('sum(acd_agents_distress_limited{team=~"$team"})')),
        Panel("violations-now", Said("Uyarlama ihlali (24 sa)", "Accommodations violated (24 h)"),
              Said("Bir temsilcinin kuralına aykırı teklif. Sıfır olmalı; değilse hemen bakın.",
                   "Offers that a rule of the agent forbids. It must be 0; if not, look at once."),
              COUNT, Kind.TILE, now("round(sum(increase(acd_accommodation_violations_total[24h])))"), 1.0,
              Said("olmamalı", "must not be"), True),
        Panel("occupancy", Said("Doluluk, ekibe göre", "Occupancy by team"),
              _teams("Yarım saatin doluluğu.", "Occupancy of half an hour."),
              SHARE, Kind.LINES, by("team", 'team:acd_occupancy:ratio_rate30m{team=~"$team"}'), *TIRING,
              high=1.0, words=TEAMS, named=True),
        Panel("states", Said("Temsilciler ne yapıyor", "What agents do"),
              _teams("Oturumu açık temsilciler, durumlarına göre.", "Signed-in agents by state."),
              COUNT, Kind.LINES, by("state", 'sum by (state) (acd_agents{state!="signed_out",team=~"$team"})'),
              words=STATES),
        Panel("time", Said("Bir saatin nasıl geçtiği", "How an hour was spent"),
              _teams("Son bir saatte oturumu açık sürenin durumlara dağılımı.",
                     "Share of the signed-in time of an hour that went into each state."),
              SHARE, Kind.BARS, by("state", 'sum by (state) (increase(acd_agent_state_seconds_total{team=~"$team"}'
                                    '[1h])) / ignoring (state) group_left () '
                                    'sum(increase(acd_agent_state_seconds_total{team=~"$team"}[1h]))'
                                    f" and {_ON_DUTY}"), words=STATES),
        Panel("breaks", Said("Bir günde planlı molalar", "Planned breaks in a day"),
              Said("Son 24 saatte biten molalar: zamanında, gecikerek, ya da verilmeyip kesilenler.",
                   "Breaks that are over, in 24 hours: kept, late, given up or cut short."),
              COUNT, Kind.BARS, in_a_day("acd_break_protection_total", "result"),
              words=BREAKS),
        Panel("limited", Said("Zor çağrı sınırındakiler", "At the limit of distress, by team"),
              _teams("Çoksa ekip ağır bir gün geçiriyor: destek ve mola gerekir.",
                     "When many are, the team has a heavy day: support and breaks are needed."),
              COUNT, Kind.LINES, by("team", 'sum by (team) (acd_agents_distress_limited{team=~"$team"})'),
              words=TEAMS, named=True),
        Panel("skills", Said("Görevdekiler, hizmete göre", "On duty by service"),
              Said("Hizmete bakabilecek, oturumu açık temsilciler. Az da olsa gösterilir: kimsenin olmadığı görülmeli.",
                   "Signed-in agents who could serve it. Shown however few: that nobody is there must be seen."),
              COUNT, Kind.LINES, by("queue", 'sum by (queue) (acd_queue_agents{state="signed_in"})'), named=True),
        Panel("accommodations", Said("Bir günde uygulanan uyarlamalar", "Accommodations applied in a day"),
              Said("Son 24 saatte bir kural altında yapılan teklifler. Beşten az kişininkiler birlikte gösterilir.",
                   "Offers made under a rule, in 24 hours. Rules of fewer than five are shown together."),
              COUNT, Kind.BARS, in_a_day("acd_accommodations_applied_total", "rule"),
              words=RULES),
        Panel("overrides", Said("Tutulamayan kurallar", "Rules that did not hold"),
              Said("Saatlik: bilerek gevşetilenler (acil tavan dâhil) ve ihlaller. İkincisi sıfır olmalı.",
                   "In an hour: relaxed aloud or by an emergency ceiling, and violations. The latter must be 0."),
              COUNT, Kind.LINES, (
                  Query("round(sum(increase(acd_accommodation_overrides_total[1h])))", Said("gevşetilen", "relaxed")),
                  Query("round(sum(increase(acd_accommodation_violations_total[1h])))", Said("ihlal", "violated")))),
        Panel("offers", Said("Bir günde teklifler", "Offers in a day"),
              Said("Temsilcilere çalan çağrıların sonucu, son 24 saat.", "How calls that rang ended, in 24 hours."),
              COUNT, Kind.BARS, in_a_day("acd_offers_total", "result"), words=RESULTS),
        Panel("missed", Said("Çalıp yanıtlanmayan", "Rang out"),
              Said("Yanıtlanmayan tekliflerin payı, yarım saatte. Artıyorsa zil, süre ya da yük sorunludur.",
                   "Share of offers that rang out, in half an hour. When it grows: ring, its time, or the load."),
              SHARE, Kind.LINES, by("queue", 'sum by (queue) (rate(acd_offers_total{result="ring_no_answer"}[30m])) '
                                     "/ sum by (queue) (rate(acd_offers_total[30m]))"), high=1.0, named=True),
        Panel("phases", Said("Bir çağrının süreleri", "Times of a contact"),
              Said("Bağlanmadan önce, konuşma, bekletme, toparlama: yarım saatin ortalamaları.",
                   "Before the connection, talk, hold, wrap-up: means of half an hour."),
              SECONDS, Kind.LINES, by("phase", "sum by (phase) (rate(acd_handle_seconds_sum[30m])) / "
                                       "sum by (phase) (rate(acd_handle_seconds_count[30m]))"), words=PHASES),
    ))
