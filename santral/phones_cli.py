"""Provide `santral phones`, which writes provisioning files and cards for the people at the phones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from asterisk_conf.phones import cards, provisioning
from asterisk_conf.phones.provisioning import BadAddress, PhoneAccount
from santral.centre import config
from santral.errors import BadCentre
from santral.secrets import NodeSecrets, write_private

STATE = Path("/var/lib/santral")
ANY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 - these are the addresses that a phone cannot be told


def add_commands(cli: typer.Typer) -> None:
    """Add the command to `santral`."""
    cli.command("phones")(write_phones)


def _make_private(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise BadCentre(f"{folder}: cannot be made: {error.strerror}. Choose another --out.") from error


def write_phones(
    centre: Annotated[Path, typer.Argument(help="Folder of the centre.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the files, which hold secrets.")],
    settings: Annotated[Path | None, typer.Option("--settings", help="This machine's settings.")] = None,
    state: Annotated[Path, typer.Option("--state", envvar="SANTRAL_STATE", help=(
        "State folder of the node, with its secrets."))] = STATE,
    server: Annotated[str | None, typer.Option("--server", help="Address of Asterisk that the phones reach.")] = None,
    macs: Annotated[Path | None, typer.Option("--macs", help="File with lines seat,hardware address.")] = None,
) -> None:
    """Write provisioning files for Yealink and Grandstream, cards of seats with a QR code, and PIN cards."""
    console = Console(highlight=False, soft_wrap=True)
    found = config.node_config(centre, settings)
    secrets, own = NodeSecrets(state), found.settings.asterisk
    # 1. The accounts, at an address that phones reach.
    host, port = config.parse_address(own.sip)
    host = server or own.external or (host if host not in ANY_ADDRESS else own.advertise or host)
    if host in ANY_ADDRESS:
        raise BadCentre(f"[asterisk] sip is {own.sip}: no address for phones. Name one with --server.")
    accounts = [PhoneAccount(seat, secret, host, port, ("alaw", "g722", "ulaw"))
                for seat, secret in secrets.seat_secrets(found.settings.seats.seat_names()).items()]
    try:
        known = provisioning.read_macs(macs.read_text(encoding="utf-8") if macs else "",
                                       [one.seat for one in accounts])
    except (OSError, UnicodeDecodeError, BadAddress) as error:
        raise BadCentre(f"{macs}: {error}") from error
    # 2. Files with secrets are the owner's alone.
    pins = secrets.agent_pins(found.agents)
    by_number = {number: pins[agent] for number, agent in found.sign_in.items() if agent in pins}
    files = provisioning.render_phones(accounts, known) | {
        "seats.html": cards.render_seat_cards(accounts), "pins.html": cards.render_pin_cards(by_number, large=False),
        "pins-large.html": cards.render_pin_cards(by_number, large=True)}
    for folder in (out, out / "yealink", out / "grandstream", out / "spoken"):
        _make_private(folder)
    for name, text in files.items():
        write_private(out / name, text)
    # 3. PINs as sound, where the prompts are built.
    spoken = 0
    try:
        for number, pin in by_number.items():
            sound = cards.speak_pin(number, pin, Path(own.sounds) / "tr/digits")
            path = out / "spoken" / f"{number}.wav"
            path.touch(mode=0o600)
            path.write_bytes(sound)
            spoken += 1
    except cards.NoDigits as error:
        console.print(f"warning: no PIN as sound: {error}", markup=False)
    console.print(f"{out}: {len(accounts)} phones, {len(by_number)} PIN cards, {spoken} as sound. All of them hold "
                  "secrets. The files for Yealink and Grandstream were not tried on a real phone.", markup=False)
