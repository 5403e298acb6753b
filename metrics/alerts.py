"""What somebody is called for, and what is reckoned beforehand: recording rules and alerts of Prometheus as a table.

Thresholds of a queue are its own settings, told as `acd_queue_target_seconds` and `acd_queue_target_ratio`: a reload of
the centre changes the alert as well. A share of few is no share: what looks at one asks for `LEAST` first, or a single
caller who hangs up would trip 80/20. Texts are Turkish, without a name; each alert has a page in docs/runbooks/.
"""

from __future__ import annotations

from typing import NamedTuple

from metrics import names

LEAST = 10
"""Contacts, callers, ... in the window of a share."""
ABANDONED_MOST = 0.10
OCCUPANCY_MOST = 0.90
"""Beyond it for half an hour people burn out; 85 % is usual."""
WAITED_MOST = 6.0
"""Times the target, of the caller who waits longest."""
OVERRIDDEN_MOST = 0.20
TIMEOUTS_MOST = 0.5
"""Questions of the menu without a key, for each caller."""
UNANSWERED_MOST = 0.5
SMS_LOST_LEAST = 3
"""One telephone that takes no messages is no outage."""
RUNBOOKS = "docs/runbooks"
DESK, MANAGER, OPERATOR = "masa", "uyarlama", "isletim"
"""Who is called: the supervisors' desk, the manager of accommodations, who runs the machines."""
AUDIENCES = (DESK, MANAGER, OPERATOR)
CRITICAL, WARNING = "critical", "warning"
SEVERITIES = (CRITICAL, WARNING)


class Recording(NamedTuple):
    """A rule that is reckoned beforehand."""

    name: str
    expression: str


class Alert(NamedTuple):
    """`holds_s`: so long before somebody is called."""

    name: str
    expression: str
    holds_s: float
    severity: str
    audience: str
    summary: str
    description: str

    @property
    def runbook(self) -> str:
        """Path in the project: `ServiceLevelLow` -> `docs/runbooks/service-level-low.md`."""
        words = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in self.name)
        return f"{RUNBOOKS}/{words.removeprefix('-')}.md"


def _sum(metric: names.Metric, window: str, by: str, where: str = "", part: str = "", what: str = "rate") -> str:
    selector = f"{{{where}}}" if where else ""
    grouping = f" by ({by})" if by else ""
    return f"sum{grouping} ({what}({metric.name}{part}{selector}[{window}]))"


def _share(part: str, whole: str) -> str:
    """No sample where there is nothing to share: 0/0 would be drawn as a gap and compared as nothing."""
    return f"{part} / ({whole} > 0)"


SHORT, WITHIN = 'outcome="abandoned_short"', 'within="true"'
GAVE_UP, ANSWERED = 'outcome=~"abandoned|abandoned_short"', 'outcome="answered"'
_SLA = _sum(names.SLA, "5m", "queue")
_IN_TIME = _sum(names.SLA, "5m", "queue", WITHIN)
_BUSY, _ALL = 'state=~"talking|wrapup"', 'state=~"talking|wrapup|ready"'
_THERE = _sum(names.AGENT_SECONDS, "30m", "team", _ALL)
_ON_DUTY = f'sum by (team) ({names.AGENTS.name}{{state!="signed_out"}}) >= {names.K_MIN}'
"""A full agent alone at night is nobody's figure."""
_PHASES = 'phase=~"talk|hold|wrapup"'

SERVICE_LEVEL = "queue:acd_service_level:ratio_rate5m"
ABANDONMENT = "queue:acd_abandonment:ratio_rate5m"
OCCUPANCY = "team:acd_occupancy:ratio_rate30m"

RECORDED = (
    Recording(SERVICE_LEVEL, _share(_IN_TIME, _SLA)),
    Recording("queue:acd_service_level_without_short:ratio_rate5m",
              _share(_IN_TIME, f"({_SLA} - {_sum(names.CONTACTS, '5m', 'queue', SHORT)})")),
    Recording("queue:acd_service_level_of_offered:ratio_rate5m", _share(_IN_TIME, _sum(names.OFFERED, "5m", "queue"))),
    Recording(ABANDONMENT, _share(_sum(names.CONTACTS, "5m", "queue", GAVE_UP), _sum(names.OFFERED, "5m", "queue"))),
    Recording("queue:acd_asa_seconds:rate5m", _share(_sum(names.WAIT, "5m", "queue", ANSWERED, "_sum"),
                                                     _sum(names.WAIT, "5m", "queue", ANSWERED, "_count"))),
    Recording("queue:acd_aht_seconds:rate30m", _share(_sum(names.HANDLE, "30m", "queue", _PHASES, "_sum"),
                                                      _sum(names.HANDLE, "30m", "queue", 'phase="talk"', "_count"))),
    Recording(OCCUPANCY, f'{_share(_sum(names.AGENT_SECONDS, "30m", "team", _BUSY), _THERE)} and {_ON_DUTY}'),
)


def _now(metric: names.Metric, by: str = "queue", where: str = "") -> str:
    """A gauge, of whichever node tells it."""
    return f"max by ({by}) ({metric.name}{f'{{{where}}}' if where else ''})"


def _enough(metric: names.Metric, window: str, by: str, where: str = "", least: int = LEAST) -> str:
    return f"{_sum(metric, window, by, where, what='increase')} >= {least}"


def _any(metric: names.Metric, window: str, by: str = "") -> str:
    return f"{_sum(metric, window, by, what='increase')} > 0"


_OLDEST, _TARGET = _now(names.OLDEST), _now(names.TARGET)
_IS_OPEN, _IN_DISTRESS = f"{_now(names.OPEN)} == 1", f"{_now(names.DISTRESS)} == 1"
_SIGNED_IN, _OVERRIDDEN, _NO_KEY = 'state="signed_in"', 'result="overridden"', 'event="timeout"'
_NOBODY = f"{_now(names.ON_DUTY, where=_SIGNED_IN)} == 0"
_GIVEN_UP = _share(_sum(names.BREAKS, "1h", "", _OVERRIDDEN, what="increase"),
                   _sum(names.BREAKS, "1h", "", what="increase"))
_NO_KEYS = _share(_sum(names.IVR_INPUT, "15m", "flow", _NO_KEY), _sum(names.IVR_CALLS, "15m", "flow"))
_SENT = _sum(names.SIGNALS, "10m", "kind", 'result="sent",kind="ring"', what="increase")
_HEARD = _sum(names.SIGNALS, "10m", "kind", 'result=~"shown|felt",kind="ring"', what="increase")
_REPAIRED = _sum(names.ALARMS, "1d", "kind", 'kind="rows_repaired"', what="increase")
"""Born at a start, before anybody reads the counter: after an outage longer than a window the 15 minutes hold no sample
from before it, and so no increase."""
_UP_S = f'time() - max({names.BEGAN.name}{{job="santral"}})'

ALERTS = (
    Alert("ServiceLevelLow",
          f"{SERVICE_LEVEL} < {_now(names.TARGET_RATIO)} and {_enough(names.SLA, '5m', 'queue')}",
          300, WARNING, DESK, "{{ $labels.queue }}: hizmet düzeyi düşük",
          "Son beş dakikada arayanların yalnız {{ $value | humanizePercentage }} kadarı hedef süre içinde yanıtlandı."),
    Alert("OldestWaitHigh",
          f"{_OLDEST} > {WAITED_MOST:g} * {_TARGET} unless {_IN_DISTRESS}",
          60, WARNING, DESK, "{{ $labels.queue }}: bir arayan çok uzun bekliyor",
          "En uzun bekleyen arayan {{ $value | humanizeDuration }} süredir hatta."),
    Alert("DistressWaiting",
          f"({_OLDEST} > {_TARGET}) and {_IN_DISTRESS}",
          15, CRITICAL, DESK, "{{ $labels.queue }}: zor durumdaki bir arayan bekliyor",
          "En uzun bekleyen arayan {{ $value | humanizeDuration }} süredir hatta; hedef süre aşıldı."),
    Alert("AbandonmentHigh",
          f"{ABANDONMENT} > {ABANDONED_MOST:g} and {_enough(names.OFFERED, '5m', 'queue')}",
          600, WARNING, DESK, "{{ $labels.queue }}: çok arayan beklerken kapatıyor",
          "Arayanların {{ $value | humanizePercentage }} kadarı yanıt almadan kapattı."),
    Alert("CounsellorMissing",
          f"({_NOBODY}) and {_IS_OPEN} and {_IN_DISTRESS}",
          60, CRITICAL, DESK, "{{ $labels.queue }}: görevde kimse yok",
          "Hizmet açık, ama yanıtlayabilecek kimse oturum açmış değil. Arayanlar bekliyor ve düşürülmüyor."),
    Alert("QueueUnstaffed",
          f"(({_NOBODY}) and {_IS_OPEN}) unless {_IN_DISTRESS}",
          300, WARNING, DESK, "{{ $labels.queue }}: görevde kimse yok",
          "Hizmet açık, ama yanıtlayabilecek kimse oturum açmış değil."),
    Alert("OccupancyTooHigh",
          f"{OCCUPANCY} > {OCCUPANCY_MOST:g}",
          1800, WARNING, DESK, "{{ $labels.team }}: ekip soluk alamıyor",
          "Doluluk yarım saattir {{ $value | humanizePercentage }}. Uzun sürerse ekip yorulur."),
    Alert("AccommodationViolation",
          _any(names.VIOLATIONS, "15m", "rule"),
          0, CRITICAL, MANAGER, "Bir uyarlama kuralı çiğnendi: {{ $labels.rule }}",
          "Bir temsilciye, profilindeki kuralın izin vermediği bir görüşme sunuldu. Bu sayı hep 0 olmalıdır."),
    Alert("BreakProtectionOverridden",
          f"{_GIVEN_UP} > {OVERRIDDEN_MOST:g} and {_enough(names.BREAKS, '1h', '', least=names.K_MIN)}",
          300, WARNING, MANAGER, "Planlı molalar kullanılamıyor",
          "Son bir saatte planlı molaların {{ $value | humanizePercentage }} kadarından vazgeçildi ya da erken "
          "dönüldü."),
    Alert("IvrTimeoutSpike",
          f"{_NO_KEYS} > {TIMEOUTS_MOST:g} and {_enough(names.IVR_CALLS, '15m', 'flow')}",
          600, WARNING, OPERATOR, "{{ $labels.flow }}: menüde süre yetmiyor",
          "Arayan başına {{ $value | humanize }} soru yanıtsız kaldı: tanınan süre kısa ya da sorular anlaşılmıyor."),
    Alert("SignalUnacked",
          f"({_SENT} - ({_HEARD} or 0 * {_SENT})) / ({_SENT} > 0) > {UNANSWERED_MOST:g} and {_SENT} >= {names.K_MIN}",
          300, WARNING, OPERATOR, "Işık ve titreşim aygıtları yanıt vermiyor",
          "Son on dakikada gönderilen çağrı işaretlerinin {{ $value | humanizePercentage }} kadarına yanıt gelmedi."),
    Alert("AsteriskLinkDown",
          f"{names.CONNECTED.name} == 0",
          15, CRITICAL, OPERATOR, "Asterisk bağlantısı yok",
          "{{ $labels.instance }} Asterisk'e bağlı değil. Görüşmeler sürer, bekleyenler müzik duyar, yeni çağrı "
          "dağıtılmaz."),
    Alert("ReconciliationMismatch",
          _any(names.MISMATCHES, "15m", "kind"),
          0, WARNING, OPERATOR, "Santral ile Asterisk ayrı şeyler biliyor",
          "Denetim {{ printf \"%.0f\" $value }} fark buldu ve düzeltti. Yinelenirse bir hata vardır."),
    Alert("RoutingAlarm",
          f"{_any(names.ALARMS, '15m', 'kind')} or ({_REPAIRED} > 0 and on () ({_UP_S} < 900))",
          0, CRITICAL, OPERATOR, "Olmaması gereken oldu: {{ $labels.kind }}",
          "Çağrı dağıtımı bir alarm verdi. Silinmeden günlükleri saklayın."),
    Alert("EventsDropped",
          _any(names.DROPPED, "15m"),
          0, CRITICAL, OPERATOR, "Düğüm olaylara yetişemiyor",
          "{{ printf \"%.0f\" $value }} olay alınamadı; durum Asterisk'ten yeniden okundu."),
    Alert("CommandsRefused",
          _any(names.REFUSED, "15m", "channel"),
          0, WARNING, OPERATOR, "Bir kanalın bağdaştırıcısı yok: {{ $labels.channel }}",
          "{{ printf \"%.0f\" $value }} komutu yerine getirecek kimse yok. Bu kanaldan gelenler sırada bekliyor."),
    Alert("CentreFilesBad",
          f"{names.CENTRE_FILES.name} == 0",
          60, WARNING, OPERATOR, "Merkezin dosyalarında hata var",
          "{{ $labels.instance }}: düğüm başlarken dosyaları hatalı buldu ve son sağlam kopyayla çalışıyor (sonraki "
          "değişiklikler geçerli değil), ya da bugün bazı arayanlara bakabilecek kimse yok. Görüşmeler sürüyor."),
    Alert("RecordingOff",
          f"{names.RECORDING.name} == 0",
          300, WARNING, OPERATOR, "Görüşmeler kaydedilemiyor",
          "{{ $labels.instance }}: kayıt klasörü dolu, yetkisiz ya da mühürlenemiyor. Görüşmeler sürüyor."),
    Alert("MqttDown",
          f"{names.MQTT_CONNECTED.name} == 0",
          60, WARNING, OPERATOR, "MQTT aracısına ulaşılamıyor",
          "{{ $labels.instance }}: ışık ve titreşim işaretleri gitmiyor; olaylar saklanıyor, hiçbiri yitmez."),
    Alert("SmsFailing",
          _enough(names.SMS, "15m", "", 'result=~"failed|expired"', least=SMS_LOST_LEAST),
          0, WARNING, OPERATOR, "Kısa mesajlar gitmiyor",
          "Son on beş dakikada arayanların istediği {{ printf \"%.0f\" $value }} kısa mesaj gönderilemedi."),
    Alert("ScrapeAbsent",
          'up{job="santral"} == 0 or absent(up{job="santral"})',
          60, CRITICAL, OPERATOR, "Düğümün ölçümleri okunamıyor",
          "Bir dakikadır ölçüm yok: düğüm durmuş, donmuş ya da ulaşılamıyor."),
    Alert("AsteriskScrapeAbsent",
          'up{job="asterisk"} == 0',
          60, WARNING, OPERATOR, "Asterisk'in ölçümleri okunamıyor",
          "{{ $labels.instance }} bir dakikadır yanıt vermiyor."),
)
