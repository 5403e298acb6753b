"""Name what may go wrong on a link to Asterisk.

LinkError
├── LinkLost         no link, or no way to use it in time: nothing was sent
├── OutcomeUnknown   sent, and the reply will never be known: look, do not repeat
├── ActionRefused    Asterisk answered with an error
└── AuthFailed       wrong user or secret: final, because another try would only cause a ban
"""

from __future__ import annotations


class LinkError(Exception):
    """Root of the errors of a link."""


class LinkLost(LinkError):
    """The action was not sent: there is no link, or no way to use it before the deadline."""


class OutcomeUnknown(LinkError):
    """The action was sent and no reply came. Only a look at Asterisk can tell whether it was done."""


class ActionRefused(LinkError):
    """Asterisk answered `Response: Error`."""

    def __init__(self, action: str, message: str) -> None:
        super().__init__(f"Asterisk refused {action}: {message}")
        self.action, self.message = action, message


class AuthFailed(LinkError):
    """User or secret is wrong. Another try is useless."""

    def __init__(self, user: str, host: str, port: int) -> None:
        super().__init__(
            f"Asterisk at {host}:{port} refused the AMI user [{user}]: the secrets in manager.conf and in "
            f"secrets/ami.json differ, or [{user}] does not exist, or its permit= line excludes this machine. Correct "
            f"manager.conf, run `asterisk -rx 'manager reload'`, and start again.")
        self.user = user
