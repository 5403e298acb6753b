"""Bring the secrets of the first machine here, under its code (`join_server` has the messages)."""

from __future__ import annotations

import base64
import json
import socket
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from santral.cluster.certificate import client_context, find_wrong_date
from santral.cluster.join_code import JoinCode
from santral.cluster.secret_files import TOTAL_MAX, Files, write_files
from santral.errors import SantralError

TIMEOUT_S = 30.0
"""Longest wait for the other machine, which answers one after the other, and a wrong code slowly."""

ANSWER_MAX = 2 * TOTAL_MAX
"""Most bytes of an answer: the files in base64, and their names."""


def join_machine(host: str, port: int, code: JoinCode, state: Path, version: str) -> bool:
    """Fetch the secrets and write them, and return False if they are here already.

    Raise SantralError for a code, certificate, address or version that does not fit. Then nothing was written.
    """
    where = f"{host}:{port}"
    try:
        with socket.create_connection((host, port), TIMEOUT_S) as plain, \
                client_context().wrap_socket(plain) as link, link.makefile("rb") as answers:
            certificate = link.getpeercert(binary_form=True) or b""
            _check_certificate(certificate, code, where)
            _send(link, {"version": version, "proof": code.prove_secret(certificate)})
            written = write_files(state, _read_files(answers, where, version))
            # The files are here, also if the other machine does not hear of it.
            with suppress(OSError):
                _send(link, {"joined": True})
            return written
    except ssl.SSLError as error:
        raise SantralError(f"{where} answers, but not as `santral cluster init`. Copy the address that it printed"
                           ) from error
    except TimeoutError:
        raise SantralError(f"{where} gave no answer in {TIMEOUT_S:.0f} s. Check the address, and the firewall between "
                           "the machines") from None
    except OSError as error:
        raise SantralError(f"{where} cannot be reached ({error.strerror or error}). Check that `santral cluster init` "
                           "still waits there, and that it was given this address by --listen") from error


def _check_certificate(certificate: bytes, code: JoinCode, where: str) -> None:
    """Raise SantralError unless this is the machine of the code. Nothing was sent until now."""
    if not code.fits_certificate(certificate):
        raise SantralError(f"{where} is not the machine of this code: the code is of an earlier `santral cluster "
                           "init`, or somebody is between the machines. Nothing was sent")
    if wrong := find_wrong_date(certificate, now := datetime.now(UTC)):
        raise SantralError(f"the certificate of {where} {wrong}, and here it is {now:%H:%M:%S}. Compare the clocks of "
                           "the machines (timedatectl), then begin again with `santral cluster init`")


def _read_files(answers: IO[bytes], where: str, version: str) -> Files:
    line = answers.readline(ANSWER_MAX)
    if not line:
        raise SantralError(f"{where} closed the connection: another machine joins now, or the code is used up. Begin "
                           "again with `santral cluster init`")
    try:
        answer = json.loads(line)
        if (refused := answer.get("refused")) == "version":
            raise SantralError(f"{where} has Santral {str(answer['version'])[:20]!r}, and this machine has "
                               f"{version!r}. Install the same version on both")
        if refused:
            raise SantralError(f"{where} refused the code: it is wrong. Copy the line that `santral cluster init` "
                               "printed")
        return {str(name): base64.b64decode(content, validate=True) for name, content in answer["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SantralError(f"{where} gave an answer that is cut off, or of another version. Nothing was written"
                           ) from error


def _send(link: ssl.SSLSocket, message: dict[str, Any]) -> None:
    link.sendall(json.dumps(message).encode() + b"\n")
