"""Every rule in Prometheus' own test: it fires when it should, is quiet when it should, and its texts are read as they
come out. And what a rule speaks of exists."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from typer.testing import CliRunner

from metrics.prometheus.alerts import ALERTS, AUDIENCES, CRITICAL, RECORDING_RULES, SEVERITIES, SILENCES
from metrics.prometheus.receivers import MailServer, Receivers
from metrics.prometheus.rules import RULES, SCRAPE, SCRAPED_METRICS, MonitoringPlan, render_files
from metrics.prometheus.runbooks import RUNBOOKS
from santral.cli import cli

pytestmark = pytest.mark.unit

HOME = Path(__file__).resolve().parents[3]
BY_NAME = {alert.name: alert for alert in ALERTS}


class Case(NamedTuple):
    """Series every 15 s. `labels` None: quiet."""

    alert: str
    minutes: float
    series: dict[str, str]
    labels: dict[str, str] | None = None
    summary: str = ""
    description: str = ""


def sla(in_time: str, late: str, queue: str = "destek") -> dict[str, str]:
    where = f'queue="{queue}",channel="voice"'
    return {f'acd_sla_contacts_total{{{where},within="true"}}': in_time,
            f'acd_sla_contacts_total{{{where},within="false"}}': late,
            f'acd_queue_target_ratio{{queue="{queue}"}}': "0.8x200"}


def oldest(waited: str, *, distress: int, target: int = 20) -> dict[str, str]:
    return {'acd_queue_oldest_wait_seconds{queue="destek",channel="voice"}': waited,
            'acd_queue_target_seconds{queue="destek"}': f"{target}x200",
            'acd_queue_distress{queue="destek"}': f"{distress}x200"}


def gave_up(answered: str, abandoned: str) -> dict[str, str]:
    where = 'queue="destek",channel="voice"'
    return {'acd_offers_total{queue="destek",result="answered"}': answered,
            f'acd_contacts_total{{{where},outcome="abandoned"}}': abandoned,
            f'acd_contacts_total{{{where},outcome="abandoned_short"}}': "0x200"}


def unanswered(abandoned: str, answered: str, *, is_open: int = 1) -> dict[str, str]:
    """Return a queue whose abandons follow each other, for the present streak is their number."""
    return {'acd_queue_abandoned_streak{queue="destek"}': abandoned,
            'acd_contacts_total{queue="destek",channel="voice",outcome="abandoned"}': abandoned,
            'acd_offers_total{queue="destek",result="answered"}': answered,
            'acd_queue_open{queue="destek"}': f"{is_open}x300"}


def duty(signed_in: str, *, distress: int, is_open: int = 1) -> dict[str, str]:
    return {'acd_queue_agents{queue="destek",state="signed_in"}': signed_in,
            'acd_queue_agents{queue="destek",state="ready"}': "0x200",
            'acd_queue_open{queue="destek"}': f"{is_open}x200", 'acd_queue_distress{queue="destek"}': f"{distress}x200"}


def occupied(talking: str, ready: str, people: int = 8) -> dict[str, str]:
    return {'acd_agent_state_seconds_total{team="genel",state="talking"}': talking,
            'acd_agent_state_seconds_total{team="genel",state="ready"}': ready,
            'acd_agent_state_seconds_total{team="genel",state="resting"}': "0+30x400",
            'acd_agents{team="genel",state="talking"}': f"{people}x400",
            'acd_agents{team="genel",state="signed_out"}': "99x400"}


def breaks(kept: str, overridden: str) -> dict[str, str]:
    return {'acd_break_protection_total{result="on_time"}': kept,
            'acd_break_protection_total{result="overridden"}': overridden}


def menu(calls: str, timeouts: str) -> dict[str, str]:
    return {'ivr_calls_total{flow="ana"}': calls, 'ivr_input_events_total{flow="ana",event="timeout"}': timeouts}


def keyed(calls: str, distress: str) -> dict[str, str]:
    return {'ivr_calls_total{flow="ana"}': calls, 'ivr_calls_distress_total{flow="ana"}': distress}


def signals(sent: str, felt: str | None) -> dict[str, str]:
    told = {'acd_signal_messages_total{kind="ring",result="sent"}': sent}
    return told if felt is None else told | {'acd_signal_messages_total{kind="ring",result="felt"}': felt}


def sms(expired: str, refused: str = "0x200") -> dict[str, str]:
    return {'acd_sms_total{result="sent"}': "0+1x200", 'acd_sms_total{result="failed"}': "0x200",
            'acd_sms_total{result="expired"}': expired, 'acd_sms_total{result="refused"}': refused}


def repaired(began: int, again: int = 1) -> dict[str, str]:
    """A node that was away for twenty minutes, and what its start has put right."""
    return {'acd_alarms_total{kind="rows_repaired",job="santral"}': f"0x20 _x80 {again}x100",
            'process_start_time_seconds{job="santral"}': f"0x20 _x80 {began}x100"}


def lines(*, held: int, limit: int) -> dict[str, str]:
    """Return the lines of callers who have not keyed distress, in a centre of which a fifth is kept."""
    return {'acd_lines{class="other"}': f"{held}x200", 'acd_lines_limit{class="other"}': f"{limit}x200",
            'acd_lines{class="all"}': f"{held}x200", 'acd_lines_limit{class="all"}': f"{limit + 60}x200",
            'acd_lines{class="psikososyal"}': "0x200", 'acd_lines_limit{class="psikososyal"}': "90x200"}


QUEUE = {"queue": "destek"}
NODE = {"instance": "127.0.0.1:8080", "job": "santral"}
AT = 'instance="127.0.0.1:8080",job="santral"'
ONE = "0x20 1x180"
"""A counter that goes up by one after five minutes."""

CASES = (
    Case("NobodyAnswered", 20, unanswered("0x40 1x4 2x4 3x100", "4x200"), QUEUE, "destek: kimseye yanıt verilmiyor",
         "Art arda 3 arayan yanıt alamadan kapattı; arada kimseye yanıt verilmedi."),
    Case("NobodyAnswered", 25, unanswered("0x40 1x4 2x4 3x200", "4x300"), QUEUE, "destek: kimseye yanıt verilmiyor",
         "Art arda 3 arayan yanıt alamadan kapattı; arada kimseye yanıt verilmedi."),  # the mail is not taken back
    Case("NobodyAnswered", 50, unanswered("0x40 1x4 2x4 3x200", "4x300")),  # nobody called any more
    Case("NobodyAnswered", 20, unanswered("0x40 1x4 2x4 3x100", "4x30 5x100")),  # somebody was answered
    Case("NobodyAnswered", 20, unanswered("0x40 1x4 2x4 3x100", "4x200", is_open=0)),
    Case("ServiceLevelLow", 30, sla("0+1x200", "0+9x200"), QUEUE, "destek: hizmet düzeyi düşük",
         "Arayanların en çok 14.01% kadarı hedef süre içinde yanıtlanıyor; bu, rastlantı olamaz."),
    Case("ServiceLevelLow", 30, sla("0+6x200", "0+4x200")),
    Case("ServiceLevelLow", 30, sla("0x200", "0x20 1x20 2x20 3x140")),  # one caller every five minutes
    Case("OldestWaitHigh", 13, oldest("130x200", distress=0), QUEUE, "destek: arayanlar çok uzun bekliyor",
         "On dakikadır hep hedef sürenin beş katından uzun bekleyen biri var; şimdi en uzunu 2m 10s."),
    Case("OldestWaitHigh", 13, oldest("90x200", distress=0)),
    Case("OldestWaitHigh", 13, oldest("130x200", distress=1)),
    Case("OldestWaitHigh", 13, oldest("130x20 0 130x200", distress=0)),
    Case("DistressWaiting", 5, oldest("25x200", distress=1), QUEUE, "destek: zor durumdaki bir arayan bekliyor",
         "En uzun bekleyen arayan 25s süredir hatta; hedef süre aşıldı."),
    Case("DistressWaiting", 5, oldest("25x200", distress=0)),
    Case("DistressWaiting", 5, oldest("19x200", distress=1)),
    Case("AbandonmentHigh", 20, gave_up("0+1x200", "0+1x200"), QUEUE, "destek: çok arayan beklerken kapatıyor",
         "Arayanların en az 32.85% kadarı yanıt almadan kapatıyor; bu, rastlantı olamaz."),
    Case("AbandonmentHigh", 20, gave_up("0+40x200", "0+3x200")),
    Case("AbandonmentHigh", 20, gave_up("0x200", "0x20 1x20 2x160")),
    Case("CounsellorMissing", 5, duty("0x200", distress=1), QUEUE, "destek: görevde kimse yok",
         "Hizmet açık, ama yanıtlayabilecek kimse oturum açmış değil. Arayanlar bekliyor ve düşürülmüyor."),
    Case("CounsellorMissing", 5, duty("1x200", distress=1)),
    Case("CounsellorMissing", 5, duty("0x200", distress=1, is_open=0)),
    Case("CounsellorMissing", 5, duty("0x200", distress=0)),
    Case("QueueUnstaffed", 10, duty("0x200", distress=0), QUEUE, "destek: görevde kimse yok",
         "Hizmet açık, ama yanıtlayabilecek kimse oturum açmış değil."),
    Case("QueueUnstaffed", 10, duty("0x200", distress=1)),
    Case("QueueUnstaffed", 3, duty("0x200", distress=0)),
    Case("QueueUnstaffed", 10, duty("0x200", distress=0, is_open=0)),
    Case("OccupancyTooHigh", 70, occupied("0+95x400", "0+5x400"), {"team": "genel"}, "genel: ekip soluk alamıyor",
         "Doluluk yarım saattir 95%. Uzun sürerse ekip yorulur."),
    Case("OccupancyTooHigh", 70, occupied("0+85x400", "0+15x400")),
    Case("OccupancyTooHigh", 70, occupied("0+95x400", "0+5x400", people=4)),
    Case("AccommodationViolation", 8, {'acd_accommodation_violations_total{rule="rest_gap"}': ONE},
         {"rule": "rest_gap"}, "Bir uyarlama kuralı çiğnendi: rest_gap",
         "Bir temsilciye, profilindeki kuralın izin vermediği bir görüşme sunuldu. Bu sayı hep 0 olmalıdır."),
    Case("AccommodationViolation", 8, {'acd_accommodation_violations_total{rule="rest_gap"}': "0x200"}),
    Case("BreakProtectionOverridden", 50, breaks("0x20 0+0.1x200", "0x20 0+0.1x200"), {},
         "Planlı molalar kullanılamıyor",
         "Son bir saatte planlı molaların 50% kadarından vazgeçildi ya da erken dönüldü."),
    Case("BreakProtectionOverridden", 50, breaks("0x20 0+0.9x200", "0x20 0+0.1x200")),
    Case("BreakProtectionOverridden", 50, breaks("0x200", "0x20 1x20 2x20 3x140")),  # three: fewer than five
    Case("IvrTimeoutSpike", 40, menu("0+1x200", "0+1x200"), {"flow": "ana"}, "ana: menüde süre yetmiyor",
         "Arayan başına 1 soru yanıtsız kaldı: tanınan süre kısa ya da sorular anlaşılmıyor."),
    Case("IvrTimeoutSpike", 40, menu("0+1x200", "0+0.2x200")),
    Case("IvrTimeoutSpike", 40, menu("0x20 1x20 2x20 3x140", "0x20 3x20 6x20 9x140")),
    Case("DistressShareHigh", 250, keyed("0+1x1040", "0x720 0+0.5x320"), {"flow": "ana"},
         "ana: destek tuşuna olağandışı çok basılıyor",
         "Son bir saatte arayanların 50% kadarı destek hattını seçti; olağanın üç katından çok."),
    Case("DistressShareHigh", 250, keyed("0+1x1040", "0+1x1040")),  # a crisis number: always
    Case("DistressShareHigh", 250, keyed("0+1x1040", "0x720 0+0.1x320")),
    Case("DistressShareHigh", 250, keyed("0+0.05x1040", "0x720 0+0.05x320")),  # a dozen callers
    Case("SignalUnacked", 20, signals("0+1x200", "0+0.25x200"), {"kind": "ring"},
         "Işık ve titreşim aygıtları yanıt vermiyor",
         "Gönderilen çağrı işaretlerinin 75% kadarına yanıt gelmedi."),
    Case("SignalUnacked", 20, signals("0+1x200", None), {"kind": "ring"},
         "Işık ve titreşim aygıtları yanıt vermiyor",
         "Gönderilen çağrı işaretlerinin 100% kadarına yanıt gelmedi."),
    Case("SignalUnacked", 20, signals("0+1x200", "0+0.9x200")),
    Case("SignalUnacked", 20, signals("0x20 1x20 2x160", None)),
    Case("AsteriskLinkDown", 2, {f'acd_asterisk_connected{{link="ami",{AT}}}': "1x4 0x200"}, {"link": "ami", **NODE},
         "Asterisk bağlantısı yok",
         "127.0.0.1:8080 Asterisk'e bağlı değil. Görüşmeler sürer, bekleyenler müzik duyar, yeni çağrı dağıtılmaz."),
    Case("AsteriskLinkDown", 2, {f'acd_asterisk_connected{{link="ami",{AT}}}': "1x200"}),
    Case("ReconciliationMismatch", 8, {'acd_reconciliation_mismatches_total{kind="audit"}': "0x24 2x180"},
         {"kind": "audit"}, "Santral ile Asterisk ayrı şeyler biliyor",
         "Denetim 2 fark buldu ve düzeltti. Yinelenirse bir hata vardır."),
    Case("ReconciliationMismatch", 8, {'acd_reconciliation_mismatches_total{kind="audit"}': "3x200"}),
    Case("RoutingAlarm", 8, {'acd_alarms_total{kind="bridge_mismatch"}': ONE}, {"kind": "bridge_mismatch"},
         "Olmaması gereken oldu: bridge_mismatch", "Çağrı dağıtımı bir alarm verdi. Silinmeden günlükleri saklayın."),
    Case("RoutingAlarm", 8, {'acd_alarms_total{kind="bridge_mismatch"}': "1x200"}),
    Case("RoutingAlarm", 28, repaired(15 * 101), {"kind": "rows_repaired"},
         "Olmaması gereken oldu: rows_repaired", "Çağrı dağıtımı bir alarm verdi. Silinmeden günlükleri saklayın."),
    Case("RoutingAlarm", 42, repaired(15 * 101)),  # told for a quarter of an hour
    Case("RoutingAlarm", 28, repaired(15 * 101, again=0)),  # the node was away, and nothing was repaired
    Case("EventsDropped", 8, {"acd_events_dropped_total": "0+5x200"}, {}, "Düğüm olaylara yetişemiyor",
         "160 olay alınamadı; durum Asterisk'ten yeniden okundu."),
    Case("EventsDropped", 8, {"acd_events_dropped_total": "0x200"}),
    Case("CommandsRefused", 8, {'acd_channel_commands_refused_total{channel="chat"}': "0x24 2x180"},
         {"channel": "chat"}, "Bir kanalın bağdaştırıcısı yok: chat",
         "2 komutu yerine getirecek kimse yok. Bu kanaldan gelenler sırada bekliyor."),
    Case("CommandsRefused", 8, {'acd_channel_commands_refused_total{channel="chat"}': "2x200"}),
    Case("OutageCallers", 30, {'acd_outage_contacts_total{queue="destek",outcome="abandoned"}': "0x40 _x60 3x100",
                               'acd_outage_contacts_total{queue="destek",outcome="fallback"}': "0x40 _x60 9x100"},
         {"queue": "destek"}, "destek: düğüm yokken arayanlar vazgeçti",
         "3 arayan, hiçbir düğüm yanıt vermezken geldi ve yanıt almadan kapattı."),
    Case("OutageCallers", 30, {'acd_outage_contacts_total{queue="destek",outcome="fallback"}': "0x40 9x160"}),
    Case("LinesFull", 5, lines(held=230, limit=240), {"class": "other"}, "Hatlar dolu: other",
         "Bu sınıfın hatlarının 95.83% kadarı bir dakikadır dolu; yeni arayanlar meşgul sesi ya da acil numaraları "
         "duyuyor. all: bütün hatlar, other: destek seçmeyenler."),
    Case("LinesFull", 5, lines(held=220, limit=240)),
    Case("LinesFull", 0.5, lines(held=240, limit=240)),  # a moment
    Case("LinesFull", 5, {'acd_lines{class="words"}': "5x200"}),  # they have no limit
    Case("LinesFull", 5, {}),  # a centre without [lines]
    Case("SeatFloods", 10, {'acd_seat_calls_refused_total{by="asterisk"}': "0x20 30x200"}, {},
         "Bir masa telefonu durmadan arıyor",
         "Beş dakikada bir masanın sınırını aşan 30 arama reddedildi. Arayanların hatları etkilenmez. Günlükteki "
         "`seat.calls_refused` satırı masayı söyler."),
    Case("SeatFloods", 10, {'acd_seat_calls_refused_total{by="page"}': "0x20 3x200"}),  # somebody was impatient
    Case("CentreFilesBad", 3, {f"acd_centre_files_good{{{AT}}}": "0x200"}, NODE, "Merkezin dosyalarında hata var",
         "127.0.0.1:8080: düğüm başlarken dosyaları hatalı buldu ve son sağlam kopyayla çalışıyor (sonraki "
         "değişiklikler geçerli değil), ya da bugün bazı arayanlara bakabilecek kimse yok. Görüşmeler sürüyor."),
    Case("CentreFilesBad", 3, {f"acd_centre_files_good{{{AT}}}": "1x200"}),
    Case("RecordingOff", 8, {f"acd_recording_possible{{{AT}}}": "0x200"}, NODE, "Görüşmeler kaydedilemiyor",
         "127.0.0.1:8080: kayıt klasörü dolu, yetkisiz ya da mühürlenemiyor. Görüşmeler sürüyor."),
    Case("RecordingOff", 8, {f"acd_recording_possible{{{AT}}}": "1x200"}),
    Case("RecordingOff", 4, {f"acd_recording_possible{{{AT}}}": "0x200"}),
    Case("MqttDown", 3, {f'acd_mqtt_connected{{broker="mqtt",{AT}}}': "0x200"}, {"broker": "mqtt", **NODE},
         "MQTT aracısına ulaşılamıyor",
         "127.0.0.1:8080: ışık ve titreşim işaretleri gitmiyor; olaylar saklanıyor, hiçbiri yitmez."),
    Case("MqttDown", 3, {f'acd_mqtt_connected{{broker="mqtt",{AT}}}': "1x200"}),
    Case("MqttDown", 3, {}),  # a centre without a broker
    Case("SmsFailing", 16, sms("0x20 3x200"), {}, "Kısa mesajlar gitmiyor",
         "Arayanların istediği 3 kısa mesaj gönderilemedi."),
    Case("SmsFailing", 16, sms("0x20 2x200")),  # one telephone that takes none
    Case("SmsFailing", 16, sms("0x200", refused="0+1x200")),  # callers who asked twice
    Case("ScrapeAbsent", 3, {f"up{{{AT}}}": "0x200"}, NODE, "Düğümün ölçümleri okunamıyor",
         "Bir dakikadır ölçüm yok: düğüm durmuş, donmuş ya da ulaşılamıyor."),
    Case("ScrapeAbsent", 3, {'up{job="asterisk"}': "1x200"}, {"job": "santral"}, "Düğümün ölçümleri okunamıyor",
         "Bir dakikadır ölçüm yok: düğüm durmuş, donmuş ya da ulaşılamıyor."),
    Case("ScrapeAbsent", 3, {f"up{{{AT}}}": "1x200"}),
    Case("NobodyLeads", 3, {f"acd_node_leads{{{AT}}}": "0x200", 'acd_node_leads{instance="b"}': "0x200"}, {},
         "Bütün düğümler yedekte bekliyor",
         "Hiçbir düğüm öncü değil: veritabanına ulaşılamıyor ya da hiçbiri öncü olamıyor. Arayanlar yedek kuyrukta."),
    Case("NobodyLeads", 3, {f"acd_node_leads{{{AT}}}": "0x200", 'acd_node_leads{instance="b"}': "1x200"}),
    Case("AsteriskScrapeAbsent", 3, {'up{instance="127.0.0.1:8088",job="asterisk"}': "0x200"},
         {"instance": "127.0.0.1:8088", "job": "asterisk"}, "Asterisk'in ölçümleri okunamıyor",
         "127.0.0.1:8088 bir dakikadır yanıt vermiyor."),
    Case("AsteriskScrapeAbsent", 3, {'up{instance="127.0.0.1:8088",job="asterisk"}': "1x200"}),
    Case("AsteriskScrapeAbsent", 3, {}),  # it is not asked
)

FIGURES = (
    ("queue:acd_service_level:ratio_rate5m", 0.75), ("queue:acd_service_level_without_short:ratio_rate5m", 1.0),
    ("queue:acd_service_level_of_offered:ratio_rate5m", 0.6), ("queue:acd_abandonment:ratio_rate5m", 0.2),
    ("queue:acd_asa_seconds:rate5m", 12.0), ("queue:acd_aht_seconds:rate30m", 240.0),
    ("team:acd_occupancy:ratio_rate30m", 0.8),
)
"""Of: each 15 s 5 offered, 3 answered in time with 36 s of waiting together, one short abandon, one that waits on;
600 + 60 + 60 s of talk, hold and wrap-up for three talks; 60 + 20 s busy, 20 s ready. And a team of which
four are there."""


def figures() -> dict[str, str]:
    where = 'queue="destek",channel="voice"'
    return {
        f"acd_contacts_offered_total{{{where}}}": "0+5x200",
        **sla("0+3x200", "0+1x200"),
        f'acd_contacts_total{{{where},outcome="abandoned_short"}}': "0+1x200",
        f'acd_contacts_total{{{where},outcome="answered"}}': "0+3x200",
        f'acd_queue_wait_seconds_sum{{{where},outcome="answered"}}': "0+36x200",
        f'acd_queue_wait_seconds_count{{{where},outcome="answered"}}': "0+3x200",
        f'acd_queue_wait_seconds_sum{{{where},outcome="abandoned"}}': "0+2x200",
        **{f'acd_handle_seconds_sum{{{where},phase="{phase}"}}': f"0+{seconds}x200"
           for phase, seconds in (("pre_connect", 9), ("talk", 600), ("hold", 60), ("wrapup", 60))},
        f'acd_handle_seconds_count{{{where},phase="talk"}}': "0+3x200",
        **{f'acd_agent_state_seconds_total{{team="genel",state="{state}"}}': f"0+{seconds}x200"
           for state, seconds in (("talking", 60), ("wrapup", 20), ("ready", 20), ("resting", 50), ("paused", 30))},
        'acd_agents{team="genel",state="talking"}': "5x200",
        'acd_agent_state_seconds_total{team="gece",state="talking"}': "0+60x200",
        'acd_agents{team="gece",state="talking"}': "4x200", 'acd_agents{team="gece",state="signed_out"}': "9x200",
    }


def _test_of(case: Case) -> dict[str, Any]:
    alert, wanted = BY_NAME[case.alert], []
    if case.labels is not None:
        wanted = [{"exp_labels": {"severity": alert.severity, "audience": alert.audience, **case.labels},
                   "exp_annotations": {"summary": case.summary, "description": case.description,
                                       "runbook_url": f"http://127.0.0.1:9090/consoles/tr.html#{alert.name}"}}]
    return {"name": f"{case.alert} {'fires' if wanted else 'is quiet'}", "interval": "15s",
            "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
            "alert_rule_test": [{"eval_time": f"{round(case.minutes * 60)}s", "alertname": case.alert,
                                 "exp_alerts": wanted}]}


def figures_of(expression: str) -> set[str]:
    """Return the names of the recorded figures that an expression needs, at any depth."""
    found = {one.name: one.expression for one in RECORDING_RULES if one.name in expression}
    return set(found).union(*map(figures_of, found.values()))


def _promtool(*words: str, cwd: Path) -> str:
    program = shutil.which("promtool")
    assert program is not None, "promtool is missing: apt-get install prometheus"
    done = subprocess.run([program, *words], cwd=cwd, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def written(tmp_path: Path) -> Path:
    plan = MonitoringPlan(asterisks=("127.0.0.1:8088",), receivers=Receivers(
        ("nobet@example.org",), ("uyarlama@example.org",), "http://127.0.0.1:1/x", server=MailServer(
            "mail.example.org:587", "santral@example.org", user="santral", password_file="/etc/santral/mail")))
    for name, text in render_files(plan).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_files_are_what_prometheus_takes(written: Path) -> None:
    _promtool("check", "config", SCRAPE, cwd=written)
    _promtool("check", "rules", "--lint=all", "--lint-fatal", RULES, cwd=written)
    program = shutil.which("amtool")
    assert program is not None, "amtool is missing: apt-get install prometheus-alertmanager"
    subprocess.run([program, "check-config", written / "alertmanager.yml"], check=True, capture_output=True, timeout=60)


def test_every_alert_fires_and_is_quiet_when_it_should(written: Path) -> None:
    for alert in ALERTS:
        mine = [case.labels is not None for case in CASES if case.alert == alert.name]
        assert True in mine and False in mine, f"{alert.name} is not tried both ways"
    tried = []
    for alert in ALERTS:
        tried.append(_write(written, alert.name, [*figures_of(alert.expression), alert.name],
                            [_test_of(case) for case in CASES if case.alert == alert.name]))
    compared = {name for alert in ALERTS for name in figures_of(alert.expression)}
    assert {name for name, _ in FIGURES} | compared == {one.name for one in RECORDING_RULES}
    tried.append(_write(written, "figures", [name for name, _ in FIGURES], [{
        "interval": "15s",
        "input_series": [{"series": series, "values": values} for series, values in figures().items()],
        "promql_expr_test": [{
            "expr": f"round({name}, 0.001)", "eval_time": "35m",  # 2.53 compares to the last bit
            "exp_samples": [{"labels": '{team="genel"}' if name.startswith("team") else '{queue="destek"}',
                             "value": value}]} for name, value in FIGURES]}]))
    _promtool("test", "rules", *tried, cwd=written)


def _write(folder: Path, name: str, rules: list[str], tests: list[dict[str, Any]]) -> str:
    """A test of these rules alone: all of them at each step would take ten times as long."""
    whole = yaml.safe_load((folder / RULES).read_text(encoding="utf-8"))
    for group in whole["groups"]:
        group["rules"] = [rule for rule in group["rules"] if rule.get("alert", rule.get("record")) in rules]
    (folder / f"{name}.rules.yml").write_text(json.dumps(whole), encoding="utf-8")
    (folder / f"{name}.test.yml").write_text(json.dumps(
        {"rule_files": [f"{name}.rules.yml"], "evaluation_interval": "15s", "tests": tests,
         # In any order, an alert would sometimes see figures of the step before.
         "group_eval_order": [group["name"] for group in whole["groups"]]}), encoding="utf-8")
    return f"{name}.test.yml"


def test_texts_have_two_languages_and_a_runbook() -> None:
    assert list(RUNBOOKS) == [alert.name for alert in ALERTS], "a runbook for each alert, an alert for each runbook"
    assert len(BY_NAME) == len(ALERTS)
    for alert in ALERTS:
        assert alert.severity in SEVERITIES and alert.audience in AUDIENCES
        for summary, description in zip(alert.summary, alert.description, strict=True):
            assert description.endswith(".") and not summary.endswith(".")
            assert set(re.findall(r"\$labels\.(\w+)", summary + description)) <= {
                "queue", "team", "rule", "flow", "kind", "instance", "channel", "class"}, "no label names a person"
            assert re.findall(r"{{.*?}}", summary) == re.findall(r"{{.*?}}", alert.summary.tr)
            assert sorted(re.findall(r"{{.*?}}", description)) == sorted(re.findall(r"{{.*?}}", alert.description.tr))
        book = RUNBOOKS[alert.name]
        assert len(book.check) >= 2 and len(book.fix) >= 2
        for text in (book.meaning, *book.check, *book.fix):
            assert text.tr.endswith((".", "?")) and text.en.endswith((".", "?")), text
            # The same commands and figures, in whatever order the language wants them.
            assert sorted(re.findall("`[^`]+`", text.tr)) == sorted(re.findall("`[^`]+`", text.en)), text


def test_each_alert_links_its_place_on_the_page_of_its_language() -> None:
    files = render_files(MonitoringPlan(english=True, runbooks="https://example.org/kitap/"))
    for group in yaml.safe_load(files[RULES])["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                assert rule["annotations"]["runbook_url"] == f"https://example.org/kitap/en.html#{rule['alert']}"
    for page in ("runbooks/tr.html", "runbooks/en.html"):
        assert re.findall(r'<h2 id="(\w+)">', files[page]) == list(RUNBOOKS)
        assert "{{" not in files[page], "Prometheus serves it as a template"
    assert '<html lang="tr">' in files["runbooks/tr.html"] and "hizmet düzeyi düşük" in files["runbooks/tr.html"]


def test_what_concerns_accommodations_goes_to_their_manager_alone() -> None:
    told = Receivers(webhook="http://a/", manager_webhook="http://b/")
    routes = yaml.safe_load(render_files(MonitoringPlan(receivers=told))["alertmanager.yml"])
    first = routes["route"]["routes"][0]
    assert first == {"receiver": "uyarlama", "matchers": ['audience="uyarlama"']} and "continue" not in first
    assert {alert.name for alert in ALERTS if alert.audience == "uyarlama"} == {
        "AccommodationViolation", "BreakProtectionOverridden"}
    assert BY_NAME["AccommodationViolation"].severity == CRITICAL


def test_no_alert_of_distress_or_of_accommodations_is_silenced() -> None:
    silenced = {name for one in SILENCES for name in one.symptoms}
    assert silenced < set(BY_NAME) and {name for one in SILENCES for name in one.causes} < set(BY_NAME)
    assert not any(BY_NAME[name].audience == "uyarlama" for name in silenced)
    assert not {"DistressWaiting", "CounsellorMissing", "DistressShareHigh"} & silenced


def test_alerts_speak_english_where_the_centre_wants_it() -> None:
    rules = yaml.safe_load(render_files(MonitoringPlan(english=True))[RULES])
    told = {rule["alert"]: rule["annotations"]["summary"] for group in rules["groups"] for rule in group["rules"]
            if "alert" in rule}
    assert told["AsteriskLinkDown"] == "No connection to Asterisk"


def test_a_factor_makes_waits_shorter() -> None:
    fast = yaml.safe_load(render_files(MonitoringPlan(factor=0.01))[RULES])
    waits = {rule["alert"]: rule.get("for") for group in fast["groups"] for rule in group["rules"] if "alert" in rule}
    assert waits["AsteriskLinkDown"] == "150ms" and waits["OldestWaitHigh"] == "6s"
    assert waits["RoutingAlarm"] is None


def test_of_asterisk_nothing_is_kept_that_has_a_name() -> None:
    keep = re.compile(f"(?:{SCRAPED_METRICS})\\Z")
    for name in ("asterisk_core_uptime_seconds", "asterisk_channels_count", "asterisk_calls_sum"):
        assert keep.match(name)
    for name in ("asterisk_channels_state", "asterisk_channels_duration_seconds", "asterisk_endpoints_state",
                 "asterisk_bridges_channels_count", "asterisk_pjsip_outbound_registration_status"):
        assert not keep.match(name)


def test_the_command(tmp_path: Path) -> None:
    run = CliRunner()
    overlay = tmp_path / "local.toml"
    overlay.write_text('[mail]\nserver = "127.0.0.1:25"\nsender = "santral@example.org"\ntls = false\n'
                       '[alerts]\nmail = ["nobet@example.org"]\n', encoding="utf-8")
    said = run.invoke(cli, ["metrics", "rules", str(HOME / "centres" / "meb"), "--settings", str(overlay), "--out",
                            str(tmp_path / "new"), "--node", "10.0.0.1:8080", "--asterisk", "127.0.0.1:8088"])
    assert said.exit_code == 0, said.output
    assert "10.0.0.1:8080" in (tmp_path / "new" / SCRAPE).read_text(encoding="utf-8")
    routes = yaml.safe_load((tmp_path / "new" / "alertmanager.yml").read_text(encoding="utf-8"))
    assert routes["global"] == {"smtp_smarthost": "127.0.0.1:25", "smtp_from": "santral@example.org",
                                "smtp_require_tls": False}
    assert [one["to"] for one in routes["receivers"][0]["email_configs"]] == ["nobet@example.org"]
    (tmp_path / "file").write_text("", encoding="utf-8")
    said = run.invoke(cli, ["metrics", "rules", "--out", str(tmp_path / "file" / "x")])
    assert said.exit_code == 1 and "cannot be written" in said.output and "Traceback" not in said.output
    for words in (["--node", "nowhere"], ["--node", "http://10.0.0.1:80"], ["--asterisk", "10.0.0.1 b:80"],
                  ["--alertmanager", "a:99999"], ["--factor", "0"]):
        assert run.invoke(cli, ["metrics", "rules", "--out", str(tmp_path), *words]).exit_code == 2


@pytest.mark.parametrize(("table", "told"), (
    ('[alerts]\nmail = ["nobet@example.org"]', "no server takes mail"),
    ('[alerts]\nmail = ["nobet"]', "should be a mail address"),
    ('[alerts]\nwebhook = "nobet.example.org"', "should be a web address"),
    ('[mail]\nserver = "mail.example.org:25"', "needs 'sender'"),
    ('[mail]\nserver = "mail.example.org:25"\nsender = "a@example.org"\ntls = false', "only for a server at"),
    ('[mail]\nserver = "127.0.0.1:25"\nsender = "a@example.org"\nuser = "a"', "'password_file' together"),
))
def test_a_receiver_that_cannot_be_reached_is_refused(tmp_path: Path, table: str, told: str) -> None:
    overlay = tmp_path / "local.toml"
    overlay.write_text(table, encoding="utf-8")
    said = CliRunner().invoke(cli, ["check", str(HOME / "centres" / "meb"), "--settings", str(overlay), "--state",
                                    str(tmp_path)])
    assert said.exit_code == 2 and told in said.output, said.output


def test_check_warns_while_nobody_is_told(tmp_path: Path) -> None:
    def warnings(text: str) -> list[str]:
        overlay = tmp_path / "local.toml"
        overlay.write_text(text, encoding="utf-8")
        said = CliRunner().invoke(cli, ["check", str(HOME / "centres" / "meb"), "--settings", str(overlay), "--state",
                                        str(tmp_path)])
        assert said.exit_code == 0, said.output
        return [line for line in said.output.splitlines() if "told" in line]

    nobody, no_manager = warnings("")
    assert "nobody is told of a fault" in nobody and "accommodation" in no_manager
    assert warnings('[alerts]\nwebhook = "http://127.0.0.1:9/"') == [no_manager]
    assert warnings('[alerts]\nwebhook = "http://127.0.0.1:9/"\nmanager_webhook = "http://127.0.0.1:9/"') == []
