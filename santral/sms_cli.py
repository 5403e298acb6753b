"""`santral sms test`: the gateway for short messages is tried by hand, before callers are offered anything.

The number is typed at a prompt or comes from standard input: never an argument, which every process can see.
"""

from __future__ import annotations

import asyncio
import sys

import typer

from ivr.caller import normalise
from ivr.dialable import mobile
from routing.sms_gateway import Answer, Gateway, Result
from santral.config import DEFAULT_CENTRE, node_config
from santral.errors import BadCentre, SantralError
from santral.privacy_cli import STATE, CentreFolder, Settings, State
from santral.sms import FILE, plan

TEXT = "Deneme: kısa mesajlar bu ağ geçidinden gidiyor. Şu harfler doğru görünmeli: ç ğ ı İ ö ş ü."
WORDS_SHOWN = 300
"""Letters of the gateway's answer that are shown."""

MEANS = {
    Result.SENT: "The gateway took it. Look at the telephone: the sender, every letter, one message.",
    Result.NOT_NOW: "Not taken: {why}. A caller's message would be tried again until it expires.",
    Result.REFUSED: "Refused: {why}. A caller's message would not be sent. Look at [sms] and at " + FILE + ".",
    Result.UNSURE: "Nobody knows whether it was taken: {why}. A caller's message would not be sent again.",
}


def commands() -> typer.Typer:
    """`test`."""
    app = typer.Typer(no_args_is_help=True, help="Short messages: try the gateway.")

    @app.callback()
    def group() -> None:
        """A group also while it has one command."""

    @app.command("test")
    def test(
        centre: CentreFolder = DEFAULT_CENTRE, settings: Settings = None, state: State = STATE,
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
