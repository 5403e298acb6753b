"""List the words of the page that shows calls as they go, in both languages (see `page_words`)."""

from __future__ import annotations

LIVE_WORDS: dict[str, tuple[str, str]] = {
    "live.title": ("Canlı çağrılar", "Live calls"),
    "live.heading": ("Çağrılar, olduğu gibi", "Calls as they go"),
    "live.about": ("Her çağrı, karşılamadan sonuna kadar. Bir çağrıyı seçin: şimdiye kadarki yolu ve neden orada "
                   "olduğu yazar. Numara ve ad gösterilmez.",
                   "Each call from its greeting to its end. Choose one to read its course so far, and why it is where "
                   "it is. No number and no name is shown."),
    "live.desk": ("Masa", "Desk"),
    "live.forbidden": ("Bu sayfa takım yöneticileri içindir", "This page is for supervisors"),
    "live.forbidden_about": ("Canlı çağrıları yalnızca takım yöneticileri görür.",
                             "Only supervisors see the live calls."),
    "live.in_menu": ("Henüz hizmet seçmeyenler", "No service chosen yet"),
    "live.list": ("Çağrılar", "Calls"),
    "live.none": ("Şu anda çağrı yok.", "There is no call right now."),
    "live.count": ("{count} çağrı", "{count} calls"),
    "live.count_one": ("1 çağrı", "1 call"),
    "live.hidden": ("Ayrıca gizli ya da kimliksiz hizmetlerde {count} çağrı.",
                    "And {count} in private or anonymous services."),
    "live.callbacks": ("Geri aranmayı bekleyen: {count}.", "Waiting to be called back: {count}."),
    "live.more": ("Listeye sığmayan: {count}.", "Without a place in the list: {count}."),
    "live.call": ("Çağrı {call}", "Call {call}"),
    "live.course": ("Şimdiye kadar", "So far"),
    "live.why": ("Neden burada", "Why it is here"),
    "live.why_greeting": ("Arayan karşılama cümlesini duyuyor.", "The caller hears the greeting."),
    "live.why_menu": ("Arayan menüyü dinliyor ve henüz bir hizmet seçmedi.",
                      "The caller hears the menu and has not chosen a service yet."),
    "live.why_left": ("Arayan menüden ayrıldı.", "The caller has left the menu."),
    "live.gone": ("Bu çağrı bitti ve listeden çıktı.", "This call is over and has left the list."),
    "live.lost": ("Santral'a ulaşılamıyor. Çağrılar sürer; sayfa kendiliğinden yeniden bağlanır.",
                  "Santral cannot be reached. Calls go on, and the page connects again by itself."),
    "live.session": ("Oturumunuz sona erdi.", "Your session is over."),
    "live.step.greeting": ("Karşılama", "Greeting"),
    "live.step.menu": ("Menü", "Menu"),
    "live.step.queue": ("Sırada", "In line"),
    "live.step.ringing": ("Çalıyor", "Ringing"),
    "live.step.talk": ("Görüşmede", "Talk"),
    "live.step.wrapup": ("Görüşme sonrası", "Wrap-up"),
    "live.step.end": ("Bitti", "End"),
}
