"""Define the table `[reports]`: the report of a day by mail."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from centres.base_shapes import HostPort, Shape, WallTime

MailAddress = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,190}$")]
DayName = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class Reports(Shape):
    """[reports]: the report of the day before, by mail. User and password are in `secrets/mail.json`."""

    to: Annotated[tuple[MailAddress, ...], Field(max_length=20)] = ()
    """Addresses; left out: no mail."""
    days: Annotated[tuple[DayName, ...], Field(min_length=1)] = ("monday", "tuesday", "wednesday", "thursday", "friday")
    """Days on which it is sent."""
    at: WallTime = "07:00"
    """Time at which it is sent."""
    sender: MailAddress | None = None
    """Sender; needed with `to`."""
    server: HostPort = "127.0.0.1:25"
    """SMTP server."""
    security: Literal["starttls", "tls", "none"] | None = None
    """TLS after the greeting or from the start; `none`, the default there, only at 127.0.0.1."""

    @property
    def tls(self) -> Literal["starttls", "tls", "none"]:
        """The security in force."""
        return self.security or ("none" if self._is_local() else "starttls")

    def _is_local(self) -> bool:
        return self.server.rpartition(":")[0] in ("127.0.0.1", "[::1]", "localhost")

    @model_validator(mode="after")
    def _require_whole(self) -> Self:
        if self.to and self.sender is None:
            raise ValueError("has 'to' without 'sender'; write the address that the mails come from")
        if self.security == "none" and not self._is_local():
            raise ValueError("'security' may be none only for a server at 127.0.0.1, [::1] or localhost")
        return self
