"""What the report says, in Turkish and in English. Each figure has its name and, on the page, its definition."""

from __future__ import annotations

from typing import NamedTuple


class Said(NamedTuple):
    """One text in both languages."""

    tr: str
    en: str


WORDS: dict[str, Said] = {
    "report": Said("Rapor", "Report"),
    "day": Said("Günlük rapor", "Daily report"), "week": Said("Haftalık rapor", "Weekly report"),
    "month": Said("Aylık rapor", "Monthly report"), "interval": Said("Dönem raporu", "Report of an interval"),
    "clock": Said("Saatler {zone} saatidir.", "Times are those of {zone}."),
    "begins": Said("Kayıt {since} anında başlar; öncesi sayılmaz.",
                   "The record begins at {since}; nothing before it is counted."),
    "so_far": Said("Dönem bitmedi: {until} anına kadar.", "The period is not over: told up to {until}."),
    "nobody": Said("Bu dönemde kimse aramadı ve kimse çalışmadı.",
                   "In this period nobody called and nobody was at work."),
    "few": Said("Beşten az temsilci çalıştı: doluluk ve hakkaniyet tablosu gösterilmez.",
                "Fewer than five agents were at work: occupancy and the table of fairness are not shown."),
    "overview": Said("Özet", "Overview"), "figure": Said("Gösterge", "Figure"), "value": Said("Değer", "Value"),
    "meaning": Said("Tanım", "Definition"), "services": Said("Hizmetler", "Services"),
    "services_ends": Said("Hizmetler: gelenler ve sonuçları", "Services: who came, and how it ended"),
    "services_times": Said("Hizmetler: düzey ve süreler (sn)", "Services: levels, and times in seconds"),
    "service": Said("Hizmet", "Service"), "all": Said("Hepsi", "All"),
    "by_slot": Said("Yarım saatler", "Half hours"), "by_day": Said("Günler", "Days"),
    "by_clock": Said("Günün saatlerine göre (tüm günler birlikte)", "By time of day, all days together"),
    "time": Said("Saat", "Time"), "date": Said("Gün", "Day"),
    "yardsticks": Said("Ölçütler", "Yardsticks"), "goal": Said("Hedef", "Goal"), "verdict": Said("Sonuç", "Verdict"),
    "pass": Said("geçti", "pass"), "fail": Said("kaldı", "fail"), "none": Said("veri yok", "no data"),
    "btk": Said("BTK: 20 saniyede yanıt", "BTK: answered within 20 s"),
    "bddk": Said("BDDK: 30 saniyede yanıt", "BDDK: answered within 30 s"),
    "bddk_answered": Said("BDDK: yanıtlanan çağrılar", "BDDK: calls answered"),
    "menu": Said("Menü: 45 saniyede sıraya varan", "Menu: in a queue within 45 s"),
    "yard_note": Said("Bu sınırlar işletmeciler (BTK), bankalar (BDDK) ve enerji (EPDK, 45 sn) içindir; karşılaştırma "
                      "için verilir. Yanıt oranlarının paydası yanıtlanan ile vazgeçenlerdir. Menü için sınır 45 "
                      "sn'dir; %80 payı bizimdir, tekrar ya da ek süre isteyenler de sayılır.",
                      "These limits bind operators (BTK), banks (BDDK) and energy (EPDK, 45 s); they are shown to "
                      "compare with. The denominator of the answer rates is answered + abandoned. 45 s limits "
                      "the menu; the share of 80 % is ours; who asked for a repetition or more time counts too."),
    "ways": Said("Sesli menü", "Menu"), "node": Said("Menü adımı", "Node"), "heard": Said("Gelen", "Came"),
    "left": Said("Kapatan", "Hung up"), "left_share": Said("Kapatma oranı", "Drop-off"),
    "ways_note": Said("Her adıma gelen arayanlar ve o adımda kapatanlar. Menüde çözülen: {contained}; menüde toplam "
                      "{calls} arama.", "Callers who came to each node, and who hung up in it. Contained in the menu: "
                                        "{contained}; {calls} calls in the menu."),
    "survey": Said("Anket", "Survey"), "asked": Said("Sorulan", "Asked"), "replied": Said("Yanıtlayan", "Answered"),
    "mean": Said("Ortalama (1–5)", "Mean (1–5)"), "cared": Said("İlgilenildi (4–5)", "Cared for (4–5)"),
    "solved": Said("Çözüldü", "Solved"), "messages": Said("Sesli mesaj", "Messages"),
    "survey_note": Said("Yanıtı beşten az olan hizmetin ortalaması ve oranları gösterilmez; böyle hizmetlerin "
                        "yanıtları birlikte de beşten azsa hepsininki de gösterilmez.",
                        "Means and shares are not shown below five answers, nor those of all while such services have "
                        "fewer than five together."),
    "fairness": Said("Hakkaniyet", "Fairness"),
    "fair_note": Said("Uyarlaması olan ve olmayan temsilciler; beş kişiden küçük grup gösterilmez, o zaman diğeri de "
                      "gösterilmez. Neden uyarlama olduğu hiçbir yerde yazmaz.",
                      "Agents with and without accommodations; a group below five is not shown, and then neither is "
                      "the other. Why there is an accommodation stands nowhere."),
    "fair_hidden": Said("Gruplardan biri beş kişiden küçük: yalnız toplam gösterilir.",
                        "One of the groups is below five: only the whole is shown."),
    "with": Said("Uyarlaması olan", "With accommodations"), "without": Said("Uyarlaması olmayan", "Without"),
    "everybody": Said("Bütün temsilciler", "All agents"), "group": Said("Grup", "Group"),
    "people": Said("Temsilci", "Agents"), "hours": Said("Oturum (saat)", "Signed in (hours)"),
    "offers_hour": Said("Teklif / saat", "Offers an hour"), "taken": Said("Alınan", "Taken"),
    "missed": Said("Kaçırılan", "Missed"), "breaks": Said("Mola / saat", "Breaks an hour"),
    "break_min": Said("Mola dk / saat", "Break minutes an hour"),
    "work_min": Said("Telefon dışı iş dk / saat", "Work off the phone, minutes an hour"),
    "level_chart": Said("Hizmet düzeyi", "Service level"),
    "load_chart": Said("Gelen ve vazgeçen", "Offered and abandoned"),
    "wait_chart": Said("Ortalama bekleme (sn)", "Mean wait (s)"), "contacts": Said("Temas", "Contacts"),
    "target": Said("hedef %80", "target 80 %"),
}

FIGURES: dict[str, tuple[Said, Said]] = {
    "offered": (Said("Gelen", "Offered"),
                Said("Sıraya girenler; başka hizmete geçen her sırada bir kez sayılır.",
                     "Entered a queue; who is sent on counts once in each.")),
    "answered": (Said("Yanıtlanan", "Answered"), Said("Bir temsilciyle konuşanlar.", "Spoke with an agent.")),
    "abandoned": (Said("Vazgeçen", "Abandoned"), Said("Sırada beklerken kapatanlar, kısa vazgeçmeler dâhil.",
                                                      "Hung up while waiting, short abandons included.")),
    "short": (Said("Kısa vazgeçme", "Short abandons"),
              Said("Bunların hizmetin kısa sınırından (olağan 5 sn) önce kapatanları.",
                   "Of those, before the service's limit (usually 5 s).")),
    "abandon_wait_s": (Said("Vazgeçenin beklemesi (sn)", "Abandoners' wait (s)"),
                       Said("Vazgeçenlerin ortalama beklemesi.", "Mean wait of those who abandoned.")),
    "moved": (Said("Geçen", "Moved on"), Said("Başka bir hizmetin sırasına geçenler; orada da gelen sayılır.",
                                              "Went on to another queue, and are offered there too.")),
    "elsewhere": (Said("Başka son", "Other ends"),
                  Said("Güvenlik ağı, arayanın kendi tuşu, alınmayan geri arama, santral arızası.",
                       "Safety net, the caller's own key, a callback never taken, a fault of the telephone system.")),
    "still": (Said("Süren", "Still there"), Said("Henüz bitmeyenler.", "Have not ended yet.")),
    "level_ours": (Said("Hizmet düzeyi (HD)", "Service level (SL)"),
                   Said("Hedef süre içinde yanıtlanan / (yanıtlanan + vazgeçen); sıraya girişten bağlanmaya kadar.",
                        "Answered within the target / (answered + abandoned), from queue entry to the bridge.")),
    "level_without_short": (Said("HD, kısasız", "SL without short"), Said(
        "Aynısı, kısa vazgeçmeler sayılmadan.", "The same without short abandons.")),
    "level_of_offered": (Said("HD, tümü", "SL of all"), Said(
        "Hedef süre içinde yanıtlanan / burada biten ya da bekleyen herkes.",
        "Answered within the target / everybody who ended here or still waits.")),
    "asa_s": (Said("Ort. bekleme (sn)", "ASA (s)"), Said("Yanıtlananların ortalama beklemesi.",
                                                        "Mean wait of the answered.")),
    "longest_tenth_s": (Said("En uzun %10 (sn)", "Longest 10 % (s)"),
                        Said("Yanıtlananların en uzun onda birinin ortalama beklemesi.",
                             "Mean of the longest tenth of the waits of the answered.")),
    "aht_s": (Said("Ort. işlem (sn)", "AHT (s)"), Said("(Konuşma + bekletme + toparlama) / biten konuşma.",
                                                      "(Talk + hold + wrap-up) / talks that are over.")),
    "transfers": (Said("Aktarma", "Transfers"), Said("Temsilcinin başka hizmete ya da kişiye aktardıkları.",
                                                     "Sent on by an agent, to a service or a colleague.")),
    "callbacks": (Said("Geri arama isteyen", "Callbacks asked"), Said("Sırada yerini koruyup kapatanlar.",
                                                                      "Hung up with their place kept.")),
    "kept": (Said("Gerçekleşen geri arama", "Callbacks kept"),
             Said("Ulaşılan / (ulaşılan + ulaşılamayan). Kendisi yeniden arayan ve henüz bekleyen sayılmaz.",
                  "Reached / (reached + given up). Who called again or still waits is not counted.")),
    "resolution": (Said("İlk temasta çözüm", "First-contact resolution"),
                   Said("İlk kez arayıp yanıtlananlardan yedi gün içinde yeniden aramayanlar; tanınan numaralarda.",
                        "Of those answered who had not called in the seven days before: who did not call again in the "
                        "seven days after. Callers who can be recognised only.")),
    "occupancy": (Said("Doluluk", "Occupancy"),
                  Said("(Konuşma + toparlama) / (konuşma + toparlama + hazır); dinlenme ve çalma süresi sayılmaz.",
                       "(Talk + wrap-up) / (talk + wrap-up + available); rest gaps and ringing do not count.")),
}

COLUMNS: dict[str, Said] = {
    "offered": Said("Gelen", "Offered"), "answered": Said("Yanıt", "Answ."), "abandoned": Said("Vazg.", "Aband."),
    "short": Said("Kısa", "Short"), "moved": Said("Geçen", "Moved"), "elsewhere": Said("Başka", "Other"),
    "still": Said("Süren", "Still"), "level_ours": Said("HD", "SL"),
    "level_without_short": Said("HD kısasız", "SL w/o short"), "level_of_offered": Said("HD tümü", "SL of all"),
    "asa_s": Said("Bekl.", "ASA"), "longest_tenth_s": Said("Uzun %10", "Long. 10 %"),
    "abandon_wait_s": Said("Vazg. bekl.", "Aband. wait"), "aht_s": Said("İşlem", "AHT"),
    "transfers": Said("Aktarma", "Transf."),
}
"""Titles of columns, short."""

PROVISIONAL = Said("Geçici: yedi gün dolmadı.", "Provisional: the seven days are not over.")


def number(value: float | None, digits: int, *, english: bool) -> str:
    """A number as the language writes it; nothing: a dash."""
    if value is None:
        return "–"
    text = f"{value:,.{digits}f}"
    return text if english else text.translate(str.maketrans(",.", ".,"))


def percent(value: float | None, *, english: bool) -> str:
    """A share with one digit."""
    if value is None:
        return "–"
    text = number(value * 100, 1, english=english)
    return f"{text} %" if english else f"%{text}"
