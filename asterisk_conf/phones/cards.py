"""Make cards: a seat's account with a QR code, an agent's PIN in print and large print, and a PIN as sound."""

from __future__ import annotations

import wave
from collections.abc import Mapping, Sequence
from html import escape
from io import BytesIO
from pathlib import Path

import segno

from asterisk_conf.phones.provisioning import PhoneAccount

PAUSE_S, BETWEEN_S = 0.3, 1.2
"""Silence after a digit, and between number, PIN and their repetition."""

_STYLE = """
body { font-family: sans-serif; margin: 1cm; color: #000; background: #fff; }
section { border: 1px solid #000; padding: 6mm; margin: 0 0 6mm; break-inside: avoid; }
dt { font-weight: bold; } dd { margin: 0 0 2mm; font-family: monospace; }
.large { font-size: 28pt; line-height: 1.5; } .large dd { letter-spacing: 0.15em; }
"""


class NoDigits(ValueError):
    """The sounds of digits are missing, so no PIN can be spoken."""


def account_uri(account: PhoneAccount) -> str:
    """Return the account as one SIP address with its password (RFC 3261, 19.1.1), for the QR code."""
    return f"sip:{account.seat}:{account.secret}@{account.server}:{account.port}"


def render_seat_cards(accounts: Sequence[PhoneAccount]) -> str:
    """Return a page with one card for each seat."""
    cards = []
    for account in accounts:
        code = segno.make(account_uri(account), error="m").svg_inline(scale=3, border=4)
        cards.append(f'<section><h2>Masa {escape(account.seat)}</h2>'
                     f'<div role="img" aria-label="Hesabın kare kodu">{code}</div>'
                     f"<dl><dt>Sunucu</dt><dd>{escape(account.server)}:{account.port}</dd>"
                     f"<dt>Kullanıcı</dt><dd>{escape(account.seat)}</dd>"
                     f"<dt>Parola</dt><dd>{escape(account.secret)}</dd></dl></section>")
    return _page("Masa kartları", cards)


def render_pin_cards(pins: Mapping[str, str], *, large: bool) -> str:
    """Return a page with one card for each agent: number and PIN. Large print has 28 points and spaced digits."""
    kind = ' class="large"' if large else ""
    return _page("Şifre kartları", [
        f"<section{kind}><h2>Temsilci {escape(number)}</h2><dl><dt>Giriş</dt><dd>*45</dd><dt>Numara</dt>"
        f"<dd>{escape(number)} #</dd><dt>Şifre</dt><dd>{escape(pin)} #</dd></dl></section>"
        for number, pin in pins.items()])


def speak_pin(number: str, pin: str, digits: Path) -> bytes:
    """Return a WAV that says number and PIN digit by digit, twice. `digits` has the sounds 0.wav to 9.wav.

    Raise NoDigits if a sound is missing.
    """
    frames: list[bytes] = []
    shape: tuple[int, int, int] | None = None
    for group in (number, pin, number, pin):
        for digit in group:
            try:
                with wave.open(str(digits / f"{digit}.wav"), "rb") as sound:
                    shape = (sound.getnchannels(), sound.getsampwidth(), sound.getframerate())
                    frames.append(sound.readframes(sound.getnframes()))
            except (OSError, wave.Error) as error:
                raise NoDigits(f"{digits}/{digit}.wav cannot be read. Run: santral prompts build") from error
            frames.append(_silence(PAUSE_S, shape))
        if shape is not None:
            frames.append(_silence(BETWEEN_S, shape))
    out = BytesIO()
    with wave.open(out, "wb") as file:
        channels, width, rate = shape or (1, 2, 8000)
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(b"".join(frames))
    return out.getvalue()


def _silence(seconds: float, shape: tuple[int, int, int]) -> bytes:
    channels, width, rate = shape
    return bytes(round(seconds * rate) * channels * width)


def _page(title: str, cards: Sequence[str]) -> str:
    return (f'<!doctype html>\n<html lang="tr"><head><meta charset="utf-8"><title>{escape(title)}</title>'
            f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>\n" + "\n".join(cards) + "\n</body></html>\n")
