"""Define the table `[sms]`: the gateway for short messages."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from centres.base_shapes import File, Name, Shape, Text, require_url


def _require_pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"should be a regular expression: {error}") from None
    return text


class Sms(Shape):
    """[sms]: the operator's gateway for short messages, called by HTTP POST. Secret headers and fields are in the
    node's secrets."""

    url: File | None = None
    """Address of the gateway: https, or http on this machine; left out: no messages."""
    ca: File | None = None
    """Authorities for the gateway's certificate; left out: the system's."""
    body: Literal["json", "form"] = "json"
    """Encoding of the fields."""
    number_field: Name = "to"
    """Field of the number."""
    text_field: Name = "text"
    """Field of the message."""
    number_form: Literal["plus", "digits", "national"] = "plus"
    """+905321234567, 905321234567 or 5321234567."""
    sender_field: Name = "from"
    """Field of the sender."""
    sender: Text | None = None
    """Sender that callers see; left out: not sent."""
    fields: Annotated[dict[Name, str | int | bool], Field(max_length=20)] = {}
    """Constant fields; secret ones belong in `secrets/sms.json`."""
    accepted: Annotated[str, AfterValidator(_require_pattern)] | None = None
    """Regular expression at the start of an accepting answer; left out: any 2xx."""
    timeout_s: Annotated[float, Field(ge=1, le=60)] = 10.0
    """Limit of one request."""
    offer_after_s: Annotated[float, Field(ge=0, le=3600)] = 25.0
    """Wait before the key is announced; the key works at once."""
    per_minute: Annotated[int, Field(ge=1, le=6000, strict=True)] = 60
    """Limit of the whole centre."""
    repeat_after_h: Annotated[float, Field(ge=1, le=720)] = 24.0
    """Time in which a caller does not get the same message twice."""
    expires_min: Annotated[float, Field(ge=1, le=720)] = 15.0
    """Age at which an unsent message is dropped."""

    @model_validator(mode="after")
    def _require_consistent(self) -> Self:
        if self.url is None:
            return self
        require_url(self.url, "the node's secrets", "numbers and password would cross a network in the clear")
        # A gateway would read only one of two fields with the same name.
        named = [self.number_field, self.text_field, *([self.sender_field] if self.sender else []), *self.fields]
        if len(set(named)) != len(named):
            raise ValueError("names one field twice")
        return self
