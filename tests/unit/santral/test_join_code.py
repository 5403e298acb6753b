"""The code of a join: what it is good for, and what is no code."""

from __future__ import annotations

import pytest

from santral.cluster.certificate import JoinCertificate
from santral.cluster.join_code import JoinCode
from santral.errors import SantralError

pytestmark = pytest.mark.unit


def test_a_code_is_read_as_people_type_it() -> None:
    certificate = JoinCertificate().der
    code = JoinCode.make_code(certificate)
    shown = str(code)
    assert len(shown.split("-")) == 14
    for typed in (shown, shown.lower(), shown.replace("-", " "), f"  {shown}\n"):
        assert JoinCode.read_code(typed) == code
    assert JoinCode.make_code(certificate).secret != code.secret


def test_every_wrong_letter_is_found() -> None:
    shown = str(JoinCode.make_code(JoinCertificate().der))
    for place, letter in enumerate(shown):
        other = "B" if letter == "A" else "A"
        with pytest.raises(SantralError, match="no join code"):
            JoinCode.read_code(shown[:place] + other + shown[place + 1:])
    for text in ("", shown[:-1], f"{shown}A", f"{shown}-{shown}", "çok gizli"):
        with pytest.raises(SantralError, match="no join code"):
            JoinCode.read_code(text)


def test_a_code_and_its_proof_fit_one_certificate() -> None:
    mine, other = JoinCertificate().der, JoinCertificate().der
    code = JoinCode.make_code(mine)
    assert code.fits_certificate(mine) and not code.fits_certificate(other)
    assert code.prove_secret(mine) != code.prove_secret(other)
    assert code.secret.hex() not in code.prove_secret(mine)
