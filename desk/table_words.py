"""List the words of tables on the terminal, Turkish first and English second."""

from __future__ import annotations

from drawing.texts import Phrase
from routing.core.model.centre_model import AgentState
from routing.core.model.reasons import DECLINES, PHONE_DROPS

LANGUAGE = "Santral-Language"
"""Header of each answer of the API: the language of tables, `tr` or `en`."""

STATES = {
    AgentState.SIGNED_OUT: Phrase("oturum kapalı", "signed out"), AgentState.READY: Phrase("uygun", "ready"),
    AgentState.RINGING: Phrase("çalıyor", "ringing"), AgentState.TALKING: Phrase("görüşmede", "talking"),
    AgentState.WRAPUP: Phrase("hazırlanıyor", "wrapping up"), AgentState.PAUSED: Phrase("molada", "on a break"),
    AgentState.NOT_RESPONDING: Phrase("yanıt vermiyor", "not responding"),
    AgentState.BUSY: Phrase("telefonu meşgul", "phone busy"),
    AgentState.UNREACHABLE: Phrase("telefonuna ulaşılamıyor", "phone unreachable")}
"""Words for supervisors. Those of wrap-up and break are the same for everybody, whatever the reason."""
PHONE_FAULTS = {DECLINES: Phrase("telefonu çağrıları geri çeviriyor", "the phone refuses calls"),
                PHONE_DROPS: Phrase("telefonu çağrıları açıp kapatıyor", "the phone answers calls and hangs up")}
"""Shown next to *not responding*: the phone refused, mostly by "do not disturb", or answered and hung up."""
OVER_LIMIT = Phrase("süresi doldu", "over the limit")
"""Shown next to a pause that is longer than its reason allows."""
BREAK_POSTPONED = Phrase("mola ertelendi: yerine bakacak kimse yok", "break postponed: nobody else is there")
AT_SEAT = Phrase(", masa {seat}", ", seat {seat}")
BREAK_AFTER_TALK = Phrase(", görüşmeden sonra mola", ", a break after the talk")
THEN_BREAK = Phrase("sonra mola", "then a break")
FORMS = {"plus": Phrase("+ ile", "+"), "zeros": Phrase("00 ile", "00"), "country": Phrase("90 ile", "90"),
         "zero": Phrase("0 ile", "0"), "plain": Phrase("başka bir rakamla", "another digit")}
"""Begin of a refused number in words."""
FORM = Phrase("{begin} başlayan {digits} hane", "{digits} digits from {begin} on")
NO_NUMBER = Phrase("numara olmayan bir ad", "a name that is no number")
REFUSED = Phrase(
    "Merkezin olmayan numaralara gelen çağrılar geri çevrildi: {forms}. Bunlar merkezinse [numbers] içine yazın.",
    "Calls to numbers that are not the centre's were refused: {forms}. If they are, write them into [numbers].")
RELOAD_HINT = Phrase("  Düzeltince: santral check, sonra santral reload", "  Then: santral check, and santral reload")
FILES_FAULTY = Phrase(
    "MERKEZİN DOSYALARINDA HATA VAR: {since} tarihinden beri geçerli olan son sağlam kopyayla çalışılıyor.",
    "THE CENTRE'S FILES HAVE MISTAKES: the last good copy is in force, which is that of {since}.")
NOBODY_FITS = Phrase(
    "BUGÜN BAZI ARAYANLARA BAKABİLECEK KİMSE YOK: çalışanlar için geçerli düzenlemeler kimseyi bırakmıyor.",
    "NOBODY CAN TAKE SOME CALLERS TODAY: the accommodations in force leave no agent.")
LINK_UP = Phrase("Asterisk bağlı", "Asterisk is connected")
LINK_DOWN = Phrase("ASTERISK BAĞLI DEĞİL", "ASTERISK IS NOT CONNECTED")
UNREACHABLE = Phrase("SANTRAL ŞU ANDA YANIT VERMİYOR, yeniden deneniyor.", "SANTRAL DOES NOT ANSWER NOW; trying again.")

QUEUES = Phrase("Kuyruklar", "Queues")
QUEUE_COLUMNS = (Phrase("hizmet", "service"), Phrase("bekleyen", "waiting"), Phrase("en uzun", "longest"),
                 Phrase("çalıyor", "ringing"), Phrase("görüşmede", "talking"), Phrase("uygun", "ready"),
                 Phrase("oturum açan", "signed in"))
AGENTS = Phrase("Temsilciler", "Agents")
AGENT_COLUMNS = (Phrase("temsilci", "agent"), Phrase("ekip", "team"), Phrase("masa", "seat"), Phrase("durum", "state"),
                 Phrase("süre", "since"), Phrase("hizmet", "service"))
SKILL_COLUMNS = (Phrase("Beceri", "Skill"), Phrase("Düzey", "Level"))
FOR_NOW = Phrase("Oturum kapanana kadar; sonra team.yaml geçerli.", "Until sign-out; then team.yaml is in force.")
REASONS = Phrase("Mola nedenleri", "Reasons of a pause")
REASON_COLUMNS = (Phrase("neden", "reason"), Phrase("adı", "name"), Phrase("tuş", "key"),
                  Phrase("sayılır", "counts as"), Phrase("süre", "limit"))
WORK, REST = Phrase("çalışma", "work"), Phrase("mola", "rest")
CALLBACKS = Phrase("Geri aramalar", "Callbacks")
CALLBACK_COLUMNS = (Phrase("çağrı", "call"), Phrase("hizmet", "service"), Phrase("sıra", "position"),
                    Phrase("bekleme", "wait"), Phrase("deneme", "tries"), Phrase("sonraki", "next"))
DIALLING, IN_TURN = Phrase("aranıyor", "dialling"), Phrase("sırası gelince", "in turn")
LATER = Phrase("{time} sonra", "in {time}")
WAITING = Phrase("Bekleyenler", "Waiting")
WAITING_COLUMNS = (Phrase("çağrı", "call"), Phrase("hizmet", "service"), Phrase("sıra", "position"),
                   Phrase("bekleme", "wait"), Phrase("puan", "points"))
OWN, OWN_OVER = Phrase("Size özel, yürürlükte", "Yours, in force"), Phrase("Size özel, yürürlükte değil",
                                                                          "Yours, not in force")
NO_OWN = Phrase("Size özel kayıtlı bir düzenleme yok.", "No accommodation of yours is recorded.")
EVERYBODY = Phrase("Herkes için", "For everybody")

ANNOUNCEMENTS = Phrase("Duyurular", "Announcements")
ANNOUNCEMENT_COLUMNS = (Phrase("no", "no"), Phrase("hizmet", "service"), Phrase("ne", "words"),
                        Phrase("kapatır", "closes"), Phrase("başlangıç", "from"), Phrase("bitiş", "until"),
                        Phrase("kim", "by"), Phrase("kapatan", "ended by"))
FOR_ALL, YES = Phrase("herkes", "everybody"), Phrase("evet", "yes")
