"""Define `santral sms test`, which tries the gateway for short messages before callers are offered any.

The number is typed at a prompt or comes from standard input. It is never an argument, because all processes can see
arguments.
"""

from __future__ import annotations

import asyncio
import sys

import typer

from ivr.caller.dialable import is_mobile
from ivr.caller.identity import normalise_number
from routing.sms.gateway import GatewayAnswer, SendResult, SmsGateway
from santral.centre.config import DEFAULT_CENTRE, node_config
from santral.errors import BadCentre, SantralError
from santral.node.sms_setup import FILE, gateway_plan
from santral.privacy.cli import STATE, CentreFolder, Settings, State

TEXT = "Deneme: kısa mesajlar bu ağ geçidinden gidiyor. Şu harfler doğru görünmeli: ç ğ ı İ ö ş ü."
WORDS_SHOWN = 300
"""Most characters of the gateway's answer that are shown."""

RESULT_MESSAGES = {
    SendResult.SENT: "The gateway accepted it. Check on the telephone: the sender, each letter, one message.",
    SendResult.NOT_NOW: "Not accepted: {why}. A caller's message would be tried again until it expires.",
    SendResult.REFUSED: "Refused: {why}. A caller's message would not be sent. Check [sms] and " + FILE + ".",
    SendResult.UNSURE: "It is unknown whether it was accepted: {why}. A caller's message would not be sent again.",
}


def build_commands() -> typer.Typer:
    """Return the command `test`."""
    app = typer.Typer(no_args_is_help=True, help="Short messages: try the gateway.")

    @app.callback()
    def describe_group() -> None:
        """Make a group, although it has only one command."""

    @app.command("test")
    def send_test(
        centre: CentreFolder = DEFAULT_CENTRE, settings: Settings = None, state: State = STATE,
    ) -> None:
        """Send one message to your own mobile number and show the gateway's answer. The number is typed, or comes from
        stdin. Exit 0: it was accepted. Exit 1: it was not."""
        # 1. Read the gateway and the number.
        wanted = node_config(centre, settings).settings.sms
        if wanted.url is None:
            raise BadCentre(f"{centre} has no gateway. Name it in santral.toml: [sms] url = \"https://…\"")
        how = gateway_plan(wanted, state / "secrets")
        typed = typer.prompt("Your mobile number", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
        number = normalise_number("".join(typed.split()))
        if not is_mobile(number):
            raise SantralError("that is no mobile number of Türkiye; write it as 0532 112 34 56")
        # 2. Send, and turn the answer into an exit code.
        exit_unless_sent(asyncio.run(SmsGateway(how).send_message(number, TEXT)))

    return app


def exit_unless_sent(answer: GatewayAnswer) -> None:
    """Print the gateway's answer. Raise typer.Exit(1) if the message was not accepted."""
    if answer.status:
        # A peer's text must not send control characters to the terminal.
        words = "".join(letter for letter in answer.words[:WORDS_SHOWN] if letter.isprintable() or letter == "\n")
        typer.echo(f"HTTP {answer.status}\n{words}".rstrip())
    typer.echo(RESULT_MESSAGES[answer.result].format(why=answer.why))
    if answer.result is not SendResult.SENT:
        raise typer.Exit(1)
