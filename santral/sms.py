"""The gateway for short messages of a centre: how it is asked, the outbox of a node, and a try by hand before callers
are offered anything (`santral sms test`)."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from centres.settings import Sms
from ivr.caller import normalise
from ivr.dialable import mobile
from routing.sms import HOUR_S, MINUTE_S, Limits, Outbox
from routing.sms_gateway import Answer, Gateway, Plan, Result
from routing.store.audit import Audit
from routing.store.numbers import NumberKeys
from routing.store.store import Store
from santral.config import DEFAULT_CENTRE, NodeConfig, node_config
from santral.errors import BadCentre, SantralError
from santral.secrets import Secrets, read_private

FILE = "sms.json"
TEXT = "Deneme: kısa mesajlar bu ağ geçidinden gidiyor. Şu harfler doğru görünmeli: ç ğ ı İ ö ş ü."
WORDS_SHOWN = 300
"""Letters of the gateway's answer that are shown."""

MEANS = {
    Result.SENT: "The gateway took it. Look at the telephone: the sender, every letter, one message.",
    Result.NOT_NOW: "Not taken: {why}. A caller's message would be tried again until it expires.",
    Result.REFUSED: "Refused: {why}. A caller's message would not be sent. Look at [sms] and at " + FILE + ".",
    Result.UNSURE: "Nobody knows whether it was taken: {why}. A caller's message would not be sent again.",
}


def outbox(config: NodeConfig, secrets: Secrets, store: Store, numbers: NumberKeys, audit: Audit,
           clock: Callable[[], float]) -> Outbox | None:
    """The way out for short messages; None: the centre has no gateway. Raises SantralError."""
    wanted = config.settings.sms
    if wanted.url is None:
        return None
    limits = Limits(wanted.per_minute, wanted.again_h * HOUR_S, wanted.expires_min * MINUTE_S)
    return Outbox(store, Gateway(plan(wanted, secrets.folder)), limits, numbers.open, audit, clock)


def plan(wanted: Sms, secrets: Path) -> Plan:
    """How the gateway is asked, with what is secret of it: `{"headers": {…}, "fields": {…}}` in `sms.json`, written by
    hand. Raises SantralError."""
    kept = read_private(secrets / FILE)
    headers, fields = (_texts(secrets / FILE, kept, part) for part in ("headers", "fields"))
    if unknown := sorted(kept.keys() - {"headers", "fields"}):
        raise SantralError(f"{secrets / FILE} has '{unknown[0]}'; it may have \"headers\" and \"fields\"")
    sender = {wanted.sender_field: wanted.sender} if wanted.sender else {}
    assert wanted.url is not None
    return Plan(wanted.url, wanted.body, wanted.number_field, wanted.text_field, wanted.number_form,
                {**wanted.fields, **sender, **fields}, headers, wanted.accepted, wanted.ca, wanted.timeout_s)


def _texts(path: Path, kept: dict[str, object], part: str) -> dict[str, str]:
    found = kept.get(part, {})
    if not isinstance(found, dict) or not all(
            isinstance(value, str) and value.isprintable() for value in found.values()):
        raise SantralError(f'{path}: write "{part}" as {{"name": "value"}}, each in one line')
    return {str(name): str(value) for name, value in found.items()}


def commands() -> typer.Typer:
    """`test`."""
    app = typer.Typer(no_args_is_help=True, help="Short messages: try the gateway.")

    @app.callback()
    def group() -> None:
        """A group also while it has one command."""

    @app.command("test")
    def test(
        centre: Annotated[Path, typer.Argument(help="Folder of the centre.")] = DEFAULT_CENTRE,
        settings: Annotated[Path | None, typer.Option("--settings", help="TOML laid over santral.toml.")] = None,
        state: Annotated[Path, typer.Option("--state", help="State folder of the node.")] = Path("/var/lib/santral"),
    ) -> None:
        """Send one message to a mobile number of yours and show what the gateway answers. The number is typed, or comes
        from stdin. Exit 0: it was taken; 1: it was not."""
        wanted = node_config(centre, settings).settings.sms
        if wanted.url is None:
            raise BadCentre(f"{centre} has no gateway. Name it in santral.toml: [sms] url = \"https://…\"")
        how = plan(wanted, state / "secrets")
        typed = typer.prompt("Your mobile number", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
        number = normalise("".join(typed.split()))
        if not mobile(number):
            raise SantralError("that is no mobile number of Türkiye; write it as 0532 112 34 56")
        told(asyncio.run(Gateway(how).send(number, TEXT)))

    return app


def told(answer: Answer) -> None:
    """For the person at the terminal. Raises typer.Exit(1) when it was not taken."""
    if answer.status:
        words = "".join(letter for letter in answer.words[:WORDS_SHOWN] if letter.isprintable() or letter == "\n")
        typer.echo(f"HTTP {answer.status}\n{words}".rstrip())
    typer.echo(MEANS[answer.result].format(why=answer.why))
    if answer.result is not Result.SENT:
        raise typer.Exit(1)
