"""Platform: whether the machines do their work. For those who run them."""

from __future__ import annotations

from metrics.dashboards.panel import HALF, NEARLY_ALL, Board, Kind, Panel, Query, in_a_day, now, quantiles
from metrics.dashboards.unit import BYTES, COUNT, HOURLY, SECONDS, SHARE, UP
from metrics.report_words import Said

SIGNALS = {"sent": Said("Gönderildi", "Sent"), "late": Said("Geç kaldı", "Too late"),
           "shown": Said("Gösterildi", "Shown"), "felt": Said("Hissedildi", "Felt"),
           "failed": Said("Başarısız", "Failed"), "expired": Said("Süresi doldu", "Expired")}


BOARD = Board(
    "platform", Said("Platform", "Platform"),
    Said("Düğüm, Asterisk bağlantısı, MQTT, kayıt: makineler işini yapıyor mu?",
         "Node, link to Asterisk, MQTT, recording: do the machines do their work?"),
    panels=(
        Panel("link", Said("Asterisk bağlantısı", "Link to Asterisk"),
              Said("AMI bağlı ve durumu okunmuş. Yoksa arayanlar müzikle bekler, kimse yönlendirilmez.",
                   "AMI is up and its state read. Without it callers wait with music and nobody is routed."),
              UP, Kind.TILE, now("min(acd_asterisk_connected)"), high=1.0),
        Panel("scraped", Said("Düğüm okunuyor", "Node is read"),
              Said("Prometheus'un son okuması başarılı. Yoksa bütün panolar eskidir.",
                   "Prometheus' last scrape went well. If not, every dashboard is old."),
              UP, Kind.TILE, now('min(up{job="santral"})'), high=1.0),
        Panel("mqtt", Said("MQTT aracısı", "MQTT broker"),
              Said("Aracı olanları alıyor ve dağıtıyor. Yoksa hiçbir şey kaybolmaz, bekler.",
                   "The broker takes what happens and delivers it. Without it nothing is lost, it waits."),
              UP, Kind.TILE, now("min(acd_mqtt_connected)"), high=1.0),
        Panel("recording", Said("Kayıt alınabiliyor", "Recording works"),
              Said("Kaydedilebilecek görüşmeler kaydediliyor: anahtar var, yer var.",
                   "Talks that may be recorded are: there is a key, and room."),
              UP, Kind.TILE, now("min(acd_recording_possible)"), high=1.0),
        Panel("alarms", Said("Alarm (24 sa)", "Alarms (24 h)"),
              Said("Olmaması gerekenler: yanlış bağlantı, alınamayan olay, onarılan satır. Sıfır olmalı.",
                   "What must not happen: a wrong bridge, an event not taken, a row repaired. It must be 0."),
              COUNT, Kind.TILE, now("round(sum(increase(acd_alarms_total[24h])) + "
                                      "sum(increase(acd_events_dropped_total[24h])))"),
              1.0, Said("olmamalı", "must not be"), True),
        Panel("uptime", Said("Düğüm çalışıyor", "Node has run for"),
              Said("Son başlatmadan beri geçen süre.", "Time since its last start."),
              SECONDS, Kind.TILE, now('time() - max(process_start_time_seconds{job="santral"})')),
        Panel("decision", Said("Karar süresi", "Time of a decision"),
              Said("Motorun bir olay için harcadığı süre. Yüzde 99'u 10 ms'yi aşarsa bakın.",
                   "Time the engine takes for one event. Look when 99 of 100 take more than 10 ms."),
              SECONDS, Kind.LINES, quantiles("acd_routing_decision_seconds_bucket", HALF, NEARLY_ALL)),
        Panel("events", Said("Asterisk'ten olaylar", "Events of Asterisk"),
              Said("Düğümün okuduğu olaylar, saatlik hızla.", "Events the node has read, at an hourly rate."),
              HOURLY, Kind.LINES, (Query("3600 * sum(rate(acd_asterisk_events_total[5m]))", Said("olay", "events")),)),
        Panel("inbox", Said("Motoru bekleyen olaylar", "Events that wait for the engine"),
              Said("Sıfıra yakın olmalı; 20.000'de yeni olay alınmaz.",
                   "It should be near 0; at 20,000 no event is taken any more."),
              COUNT, Kind.LINES, (Query("max(acd_inbox_events)", Said("bekleyen", "waiting")),)),
        Panel("reconnects", Said("Kopan bağlantı ve uyuşmazlık (24 sa)", "Lost links and mismatches (24 h)"),
              Said("AMI'nin yeniden bağlanması ve sonrasında Asterisk ile motor arasında bulunan farklar.",
                   "Times AMI came back, and differences found between Asterisk and the engine."),
              COUNT, Kind.LINES, (
                  Query("round(sum(increase(acd_asterisk_reconnects_total[24h])))",
                        Said("yeniden bağlanma", "reconnects")),
                  Query("round(sum(increase(acd_reconciliation_mismatches_total[24h])))",
                        Said("uyuşmazlık", "mismatches")))),
        Panel("channels", Said("Asterisk kanalları", "Channels of Asterisk"),
              Said("Açık kanallar ve köprüler; çağrı yokken sıfıra dönmeli.",
                   "Open channels and bridges; without calls they must come back to 0."),
              COUNT, Kind.LINES, (
                  Query("sum(asterisk_channels_count)", Said("kanal", "channels")),
                  Query("sum(asterisk_bridges_count)", Said("köprü", "bridges")))),
        Panel("calls", Said("Asterisk'in çağrıları", "Calls of Asterisk"),
              Said("Süren çağrılar, Asterisk'in kendi sayımıyla.", "Calls that go on, as Asterisk counts them."),
              COUNT, Kind.LINES, (Query("sum(asterisk_calls_count)", Said("çağrı", "calls")),)),
        Panel("mqtt-behind", Said("MQTT'yi bekleyenler", "Facts that wait for MQTT"),
              Said("Aracının henüz onaylamadığı olgular. Yükselip kalıyorsa aracıya bakın.",
                   "Facts the broker has not confirmed. When it rises and stays, look at the broker."),
              COUNT, Kind.LINES, (Query("max(acd_mqtt_behind)", Said("bekleyen", "waiting")),)),
        Panel("signals", Said("Bir günde cihaz sinyalleri", "Signals for devices in a day"),
              Said("Lamba ve titreşim için giden sinyaller ve cihazların yanıtı, son 24 saat.",
                   "Signals for lamps and vibration, and what devices said, in 24 hours."),
              COUNT, Kind.BARS, in_a_day("acd_signal_messages_total", "result"),
              words=SIGNALS),
        Panel("cpu", Said("İşlemci", "Processor"),
              Said("Düğümün kullandığı işlemci; %100 bir çekirdektir.", "CPU of the node; 100 % is one core."),
              SHARE, Kind.LINES, (Query('sum(rate(process_cpu_seconds_total{job="santral"}[5m]))',
                                        Said("düğüm", "node")),)),
        Panel("memory", Said("Bellek", "Memory"),
              Said("Düğümün belleği. Hep yükseliyorsa bildirin.", "Memory of the node. When it only rises, tell us."),
              BYTES, Kind.LINES, (Query('max(process_resident_memory_bytes{job="santral"})', Said("düğüm", "node")),)),
    ))
