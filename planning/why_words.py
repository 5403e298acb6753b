"""What `santral why` says, in Turkish and in English.

Reasons that come from what an agent needs have one word for all of them, unless who asks may know them. The same holds
for how an offer ended, and for what a decision weighed beside level and turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import NamedTuple

from routing.core import facts as f
from routing.core import talk_facts as tf
from routing.core.excluded import PRIVATE, Exclusion, Held, Why
from routing.core.ids import ServiceId
from routing.core.model import AgentState, Centre, Channel, ContactState, Needs, Outcome, Service

PRIVATE_ENDS = frozenset({"taken_back"})
"""Ends of an offer that come from what an agent needs: "not now"."""


class Said(NamedTuple):
    """One text in both languages."""

    tr: str
    en: str


WORDS: dict[str, Said] = {
    "chain": Said("Görüşenler", "Who had the caller"), "offer": Said("Teklif", "Offer"),
    "place": Said("Sıra", "Place"), "agent": Said("Temsilci", "Agent"), "level": Said("Düzey", "Level"),
    "chosen": Said("seçildi", "chosen"), "why": Said("Neden", "Why"), "people": Said("Kişi", "People"),
    "who": Said("Kimler", "Who"), "tier": Said("Yük kademesi", "Tier"),
    "idle": Said("Boşta", "Idle"), "work": Said("Son işi", "Work lately"),
    "offers": Said("Son teklifler", "Offers lately"),
    "waiting": Said("Neden hâlâ bekliyor", "Why it still waits"),
    "untold": Said("Bu teklifte kimin neden seçilmediği söylenemiyor: kayıt yeniden oynatılınca aynı karar çıkmıyor. "
                   "İlk farkı `santral replay` gösterir.",
                   "Who was not chosen here, and why, cannot be told: the record does not lead to this decision again. "
                   "`santral replay` shows the first difference."),
    "cut": Said("Kaydın başı silinmiş: bu iletişimin daha önceki adımları artık bilinmiyor.",
                "The beginning of the record was destroyed: what this contact did before is not known any more."),
    "needs": Said("Temsilcilerin gereksinimleri bu dökümde yazar: yalnız uyarlama sorumlusu ve temsilci içindir.",
                  "This account names what agents need: for the accommodation manager and the agent alone."),
    "nobody": Said("Boşta uygun kimse yoktu: {}.", "Nobody who fits was free: {}."),
    "at_end": Said("Ayrılırken boşta uygun kimse yoktu: {}.", "At the end nobody who fits was free: {}."),
}

BEFORE = {
    "place": Said("Sıradaki yerini önceki iletişiminden aldı: {0} ({1})",
                  "Has the place of an earlier contact: {0} ({1})"),
    "knows": Said("Arayanı önceki iletişiminden tanıyan temsilci: {2}; {0} ({1})",
                  "The agent who knows the caller: {2}, from contact {0} ({1})"),
    "lost": Said("Kesilen bir görüşme için geri arama: {0} ({1}), {2}",
                 "Calls back after a talk that was lost: {0} ({1}), {2}")}
AFTER = Said("Görüşme kesildi; arayan geri aranıyor: {}", "The talk was lost; the caller is called back: {}")

CHANNELS = {
    Channel.VOICE: Said("Çağrı", "Call"), Channel.CHAT: Said("Yazışma", "Chat"),
    Channel.SOCIAL: Said("Sosyal medya iletisi", "Social message"), Channel.EMAIL: Said("E-posta", "E-mail"),
    Channel.TASK: Said("Görev", "Task")}

STATES = {
    AgentState.SIGNED_OUT: Said("oturumu kapalı", "signed out"), AgentState.READY: Said("hazır", "ready"),
    AgentState.RINGING: Said("telefonu çalıyor", "ringing"), AgentState.TALKING: Said("görüşmede", "talking"),
    AgentState.WRAPUP: Said("görüşme sonrası işlemde", "in wrap-up"), AgentState.PAUSED: Said("molada", "on a break"),
    AgentState.NOT_RESPONDING: Said("yanıt vermiyor", "not responding"),
    AgentState.BUSY: Said("telefonu meşgul", "on the phone otherwise"),
    AgentState.UNREACHABLE: Said("telefonuna ulaşılamıyor", "phone unreachable")}

AT_WORK = frozenset({AgentState.RINGING, AgentState.TALKING, AgentState.WRAPUP})

UNFIT = Said("uygun değildi", "not available then")
"""The one word for every reason that comes from what an agent needs."""

NEAR_UNFIT = list(Why).index(Why.PAIR)
"""Among the reasons, from the hardest to the softest: after all that can be seen."""

SPARED = Said("uygundu; yük sınırına yakın olduğu için sonra geliyordu",
              "could have taken it; near the limit, so later")

REASONS = {
    Why.CHOSEN: Said("seçildi", "chosen"), Why.AWAY: Said("oturumu kapalıydı", "signed out"),
    Why.SKILL: Said("gereken beceri yok: {}", "lacks the skill {}"),
    Why.LEVEL: Said("düzeyi yetmedi: {}", "level too low: {}"),
    Why.CONDITION: Said("koşula uymadı: {}", "does not meet the condition: {}"),
    Why.CHANNEL: Said("bu kanaldan iletişim almıyor", "takes nothing of this channel"),
    Why.TOPIC: Said("bu konuyu almıyor: {}", "does not take the topic {}"),
    Why.STATE: Said("hazır değildi: {}", "not ready: {}"),
    Why.BUSY: Said("başka bir iletişimle ilgileniyordu", "had another contact"),
    Why.PHONE: Said("telefonu hazır değildi", "the phone was not ready"),
    Why.REST: Said("iki iletişim arasındaki dinlenmede", "resting between two contacts"),
    Why.BREAK: Said("planlı molası yakındı", "a planned break was near"),
    Why.LOAD: Said("ağır görüşme sınırındaydı", "at the limit of heavy contacts"),
    Why.PAIR: Said("eşli çalışıyor; ikisi birlikte uygun değildi", "works in a pair, which was not free together"),
    Why.OTHER: Said("iletişim şahsen {} için bekliyordu", "the contact waited for {} in person"),
    Why.LATER: Said("uygundu; sırada sonra geliyordu", "could have taken it; came later in order"),
    Why.ABLE: Said("uygun", "could take it")}

HELD = {
    Held.ON_LINE: Said("Geri aranmak istedi ama henüz kapatmadı: kapatınca aranır.",
                       "To be called back, and has not hung up yet: called when they have."),
    Held.CALLS_US: Said("Arayan şu anda başka bir çağrıyla hatta: o çağrı bitince aranır.",
                        "The caller is on the line in another call: they are called when it is over."),
    Held.NOT_YET: Said("Geri arama zamanı gelmedi.", "The time to call back has not come."),
    Held.QUIET: Said("Sessiz saatler: şimdi kimse geri aranmaz.", "Quiet hours: nobody is called back now."),
    Held.CHANNEL: Said("Bu kanalı taşıyan bir bağdaştırıcı yok; biraz sonra yeniden denenir.",
                       "No adapter carries this channel; it is tried again a little later."),
    Held.NET: Said("Az önce yedek kuyruğa gönderildi; oradan alınmazsa yeniden sıraya bakılır.",
                   "Sent to the safety net a moment ago; offered again when it is not taken there."),
    Held.LINK: Said("Santral bağlantısı kopuk: kimseye teklif yapılamıyor.",
                    "The link to its Asterisk is down: nothing can be offered."),
    Held.FULL: Said("Bu hizmetten aynı anda görüşülebilecek sayı dolu.",
                    "As many contacts of this service are at agents as may be.")}

MOVES = {
    "overflow": Said("bekleme uzadığı için", "the wait had become too long"),
    "full": Said("sıra dolu olduğu için", "the line was full"), "closed": Said("hizmet kapalı olduğu için", "closed"),
    "chosen": Said("arayan kendisi seçtiği için", "the caller chose it"),
    "transfer": Said("temsilci aktardığı için", "an agent sent the caller on")}

ENDS = {
    "no_answer": Said("telefon açılmadı", "not answered"), "busy": Said("telefon meşguldü", "the phone was busy"),
    "rejected": Said("temsilci almadı", "declined"), "hangup": Said("temsilci bağlanmadan kapattı", "hung up before"),
    "unreachable": Said("telefona ulaşılamadı", "the phone could not be reached"),
    "lost": Said("telefonun bağlantısı koptu", "the phone was lost"),
    "failed": Said("telefon aranamadı", "the phone could not be called"),
    "vanished": Said("telefon hiç çalmadı", "the phone never rang"),
    "stale": Said("süresi doldu", "its time was over"), "call": Said("temsilciye bir çağrı geldi", "a call came"),
    "callback": Said("arayan geri aranmak istedi", "the caller wants to be called back"),
    "calls_us": Said("arayan o sırada kendisi hattaydı", "the caller was on the line just then"),
    "chosen": Said("arayan başka bir seçim yaptı", "the caller chose otherwise"),
    "contact_gone": Said("arayan artık sırada değildi", "the caller was gone"),
    "returned": Said("arayan, soran temsilciye geri döndü", "the caller is with the agent who asked again"),
    "no_adapter": Said("kanalı taşıyan bağdaştırıcı yok", "no adapter carries the channel"),
    "mismatch": Said("yanlış kişiye bağlandı, hemen ayrıldı", "in a bridge with somebody else, ended at once"),
    "paused": Said("temsilci molaya çıktı", "the agent took a break"),
    "signed_out": Said("temsilci oturumu kapattı", "the agent signed out"),
    "taken_back": Said('temsilci "şimdi değil" dedi', 'the agent said "not now"')}
TAKEN_BACK = Said("geri alındı", "taken back")

TRIES = {
    "no_answer": Said("açılmadı", "not answered"), "busy": Said("meşguldü", "busy"),
    "refused": Said("reddedildi", "refused"), "no_key": Said("tuşa basılmadı", "no key was pressed"),
    "failed": Said("aranamadı", "could not be dialled"), "stale": Said("süresi doldu", "its time was over")}

OUTCOMES = {
    Outcome.ANSWERED: Said("Yanıtlandı", "Answered"), Outcome.ABANDONED: Said("Arayan beklerken kapattı", "Abandoned"),
    Outcome.ABANDONED_SHORT: Said("Arayan hemen kapattı", "Abandoned at once"),
    Outcome.OVERFLOW: Said("Yedek kuyruğa geçti", "Went to the safety net"),
    Outcome.LEFT: Said("Sıradan kendi isteğiyle ayrıldı", "Left the line by own wish"),
    Outcome.FAILURE: Said("Santral arızası: çağrı koptu", "Lost: Asterisk went away with the call"),
    Outcome.CALLBACK_FAILED: Said("Geri arandı, ulaşılamadı", "Called back, never reached")}
NEEDLESS = {
    "merged": Said("Aynı arayanın yeni çağrısı yerini aldı", "A new call of the same caller took its place"),
    "served": Said("Aynı arayanla sonraki çağrısında görüşüldü", "The same caller was served in a later call")}
"""Of callbacks, by the key of their end."""

MENU = {
    "queued": Said("seçim: {}", "chosen: {}"),
    "operator": Said("bir kişiyle görüşmek istedi: {}", "asked for a human: {}"),
    "self_service": Said("menüde yanıtlandı", "served in the menu"),
    "led": Said("dış numaraya aktarıldı", "led outside"), "abandoned": Said("menüde kapattı", "hung up in the menu"),
    "error": Said("menüde arıza oldu", "a fault in the menu")}

BY = {"caller": Said("arayan kapattı", "the caller hung up"), "agent": Said("temsilci kapattı", "the agent hung up"),
      "lost": Said("görüşme koptu; arayan sıranın önüne alındı", "cut off; the caller is in front of the line again")}

STRATEGIES = {
    "longest_idle": Said("en yüksek düzey, eşitlerde en uzun süredir boşta olan", "best level, then longest idle"),
    "longest_idle_any": Said("en uzun süredir boşta olan", "longest idle of all who fit"),
    "least_occupied": Said("en yüksek düzey, eşitlerde son zamanlarda en az çalışan",
                           "best level, then least work lately"),
    "least_occupied_any": Said("son zamanlarda en az çalışan", "least work lately of all who fit"),
    "fewest_skills": Said("en az becerisi olan, sonra düzey, sonra en uzun süredir boşta olan",
                          "fewest skills, then level, then longest idle"),
    "weakest_first": Said("yeten en düşük düzey, eşitlerde en uzun süredir boşta olan",
                          "lowest level that will do, then longest idle"),
    "fewest_contacts": Said("en yüksek düzey, eşitlerde son zamanlarda en az teklif alan",
                            "best level, then fewest offers lately")}

TIERS = {
    1: Said("yük sınırına yakın ama başka kimse boş değil", "near the limit, and nobody else is free"),
    2: Said("acil tavanla, sınırın üstünde", "by the emergency ceiling, beyond the limit")}

NOW = {
    ContactState.PENDING: Said("Bekliyor", "Waits"), ContactState.RESERVED: Said("Telefon çalıyor", "Rings"),
    ContactState.ASSIGNED: Said("Görüşülüyor", "Is talked with"),
    ContactState.WRAPPING: Said("Görüşme sonrası işlemde", "In wrap-up")}


class Words:
    """One language, one clock, and whether needs may be named."""

    def __init__(self, zone: tzinfo, *, english: bool = False, needs: bool = False) -> None:
        self.zone, self.english, self.needs = zone, english, needs

    def say(self, said: Said, *values: object) -> str:
        """A text in this language."""
        return (said.en if self.english else said.tr).format(*values)

    def of(self, name: str) -> str:
        """One of `WORDS`."""
        return self.say(WORDS[name])

    def day(self, at: float) -> str:
        """A date of the centre's clock."""
        return datetime.fromtimestamp(at, self.zone).strftime("%Y-%m-%d" if self.english else "%d.%m.%Y")

    def clock(self, at: float, beside: float | None = None) -> str:
        """A time of day; with the date in front when `beside` is of another day."""
        time = datetime.fromtimestamp(at, self.zone).strftime("%H:%M:%S")
        return time if beside is None or self.day(at) == self.day(beside) else f"{self.day(at)} {time}"

    def lasts(self, seconds: float) -> str:
        """A length of time, whole seconds."""
        whole = round(max(0.0, seconds))
        hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
        names = ("h", "min", "s") if self.english else ("sa", "dk", "sn")
        parts = [f"{value} {name}" for value, name in zip((hours, minutes, rest), names, strict=True) if value]
        return " ".join(parts[:2]) or f"0 {names[2]}"

    def service(self, centre: Centre, service: ServiceId | str) -> str:
        """Its name, and its id where that says more."""
        name = next((one.name for one in centre.services if one.id == service), "")
        return f"{name} ({service})" if name and name != service else str(service)

    def reason(self, one: Exclusion, tier: int = 0) -> str:
        """Why an agent did not get the contact, where the chosen one took it in this tier. What comes of a need is one
        word, for who may not know it: and so is that somebody was spared who could have taken it."""
        why, detail = one.why, one.detail
        spared = one.merit is not None and one.merit.tier > tier
        if (why in PRIVATE or spared) and not self.needs:
            if one.seen is None:
                return self.say(UNFIT)
            why, detail = one.seen
        elif spared:
            return self.say(SPARED)
        if why is Why.STATE:
            state = AgentState(detail)
            busy = state in AT_WORK  # and on a break, or gone, after it
            return self.say(REASONS[Why.BUSY] if busy else REASONS[Why.STATE], self.say(STATES[state]))
        if why is Why.LEVEL:  # of many with many levels it is one reason
            skill, _, least = detail.split(" ", 2)
            detail = f"{skill} {least}"
        return self.say(REASONS[why], detail)

    def name(self, one: Exclusion) -> str:
        """An agent in a list of those with the same reason: with their own level, where that is the reason."""
        return f"{one.agent} ({one.detail.split(' ')[1]})" if one.why is Why.LEVEL else str(one.agent)

    def grouped(self, agents: Sequence[Exclusion], tier: int = 0) -> list[tuple[str, list[str]]]:
        """Who was not chosen, by reason: those who came nearest first, those who were not there last."""
        groups: dict[str, list[str]] = {}
        nearness: dict[str, int] = {}
        for one in agents:
            if one.why is not Why.CHOSEN:
                text = self.reason(one, tier)
                groups.setdefault(text, []).append(self.name(one))
                # Where the one word for needs stands must not tell which of them it was.
                near = NEAR_UNFIT if text == self.say(UNFIT) else list(Why).index((one.seen or (one.why, ""))[0])
                nearness[text] = max(near, nearness.get(text, 0))
        return sorted(groups.items(), key=lambda group: (-nearness[group[0]], group[0]))

    def wanted(self, service: Service | None, step: int, needs: Needs = ()) -> str:
        """What a step asks for."""
        if service is None or step >= len(service.steps):
            return ""
        one = service.steps[step]
        asked = [f"{skill} ≥ {level}" for skill, level in one.needs]
        asked += [one.where] if one.where else []
        fixed = [f"{skill} ≥ {level}" for skill, level in service.floor]
        fixed += [service.floor_where] if service.floor_where else []
        own = [f"{skill} ≥ {level}" for skill, level in needs]
        parts = [", ".join(asked) or self.say(Said("herhangi bir temsilci", "anybody"))]
        if fixed:
            parts.append(self.say(Said("her adımda aranan: {}", "in every step: {}"), ", ".join(fixed)))
        if own:
            parts.append(self.say(Said("arayanın gereksinimi: {}", "the caller's own: {}"), ", ".join(own)))
        return "; ".join(parts)

    def step(self, service: Service | None, step: int, needs: Needs = ()) -> str:
        """A step and what it asks for; nothing where a service has only one that asks for nothing."""
        wanted = self.wanted(service, step, needs)
        several = service is not None and len(service.steps) > 1
        if not several or not wanted:
            return self.say(Said("aranan: {}", "asked: {}"), wanted) if wanted else ""
        return self.say(Said("{}. adım; aranan: {}", "step {}, asked: {}"), step + 1, wanted)

    def menu(self, fact: f.MenuPassed, centre: Centre) -> str:
        """The way through the menu."""
        chosen = self.service(centre, fact.service) if fact.service else "–"
        found = [self.say(Said("Menü ({}): {}; {}; {}", "Menu ({}): {}; {}; {}"), fact.entry, " › ".join(fact.nodes),
                          self.lasts(fact.lasted_s), self.say(MENU[fact.outcome], chosen))]
        for count, said in ((fact.timeouts, Said("{} soruya tuş gelmedi", "questions without a key: {}")),
                            (fact.wrong, Said("{} yanlış tuş", "wrong keys: {}"))):
            if count:
                found.append(self.say(said, count))
        return ", ".join(found)

    def closed(self, fact: f.OfferClosed) -> str:
        """How an offer ended without a connection."""
        reason = fact.reason
        if reason.startswith("callback_"):
            return self.say(Said("{}: bağlanmadı; arayan geri arandı: {}",
                                 "{}: not connected; the caller was dialled: {}"), fact.agent, self.tried(reason[9:]))
        if reason in PRIVATE_ENDS and not self.needs:
            why = self.say(TAKEN_BACK)
        else:
            why = self.say(ENDS.get(reason, TAKEN_BACK))
        told = fact.rang_s and (self.needs or reason != "no_answer")  # how long it may ring is a rule of the profile
        rang = self.say(Said("; {} çaldı", "; rang {}"), self.lasts(fact.rang_s)) if told else ""
        return self.say(Said("{}: bağlanmadı; {}{}", "{}: not connected; {}{}"), fact.agent, why, rang)

    def tried(self, reason: str) -> str:
        """Why a try to call back failed."""
        return self.say(TRIES[reason]) if reason in TRIES else reason

    def ended(self, fact: f.Ended) -> str:
        """The one outcome."""
        said = NEEDLESS.get(fact.key, OUTCOMES[fact.outcome])
        key = self.say(Said(" ({} tuşu)", " (key {})"), fact.key) if fact.key and fact.key not in NEEDLESS else ""
        where = self.say(Said("; {}. sıradaydı", "; was at place {}"), fact.position) if fact.position else ""
        waited = self.say(Said("bekleme {}", "waited {}"), self.lasts(fact.wait_s))
        return f"{self.say(said)}{key}; {waited}{where}"

    def talked(self, fact: tf.TalkOver, centre: Centre) -> str:
        """The end of a talk."""
        by = self.say(BY[fact.by]) if fact.by in BY else self.say(
            Said("arayanı aktardı: {}", "sent the caller on to {}"), self.service(centre, fact.to or fact.service))
        held = self.say(Said(", {} beklemede", ", {} of it on hold"), self.lasts(fact.held_s)) if fact.held_s else ""
        return self.say(Said("{}: görüşme bitti, {}{}; {}", "{}: the talk ended after {}{}; {}"), fact.agent,
                        self.lasts(fact.talk_s), held, by)

    def called_back(self, fact: f.CallbackChanged, beside: float) -> str:
        """What became of a callback."""
        if fact.reason == "asked":
            later = fact.not_before > fact.at + 1.0
            return self.say(Said("Geri aranmak istedi; sıradaki yeri korunuyor{}",
                                 "Wants to be called back; keeps the place in line{}"),
                            self.say(Said(", en erken {}", ", not before {}"), self.clock(fact.not_before, beside))
                            if later else "")
        if fact.reason == "reached":
            return self.say(Said("Arayan hatta: geri aramaya yanıt verdi", "The caller is on the line again"))
        return self.say(Said("Geri arama: {}. deneme olmadı ({}); sonraki en erken {}",
                             "Call back: try {} failed ({}); the next not before {}"),
                        fact.tries, self.tried(fact.reason), self.clock(fact.not_before, beside))
