"""What may go wrong on a link to Asterisk.

LinkError
├── LinkLost         there is no link, or it could not be used in time: nothing was sent
├── OutcomeUnknown   it was sent, and the reply will never be known: look, do not repeat
├── ActionRefused    Asterisk answered with an error
└── AuthFailed       wrong user or secret: final, trying again would only get us banned
"""

from __future__ import annotations


class LinkError(Exception):
    """Root of the link's errors."""


class LinkLost(LinkError):
    """No link, or no way to use it before the deadline. Nothing was sent."""


class OutcomeUnknown(LinkError):
    """The action was sent and no reply came. Whether it was done can only be seen by looking."""


class ActionRefused(LinkError):
    """Asterisk answered `Response: Error`."""

    def __init__(self, action: str, message: str) -> None:
        super().__init__(f"Asterisk refused {action}: {message}")
        self.action, self.message = action, message


class AuthFailed(LinkError):
    """User or secret is wrong. Final."""

    def __init__(self, user: str, host: str, port: int) -> None:
        super().__init__(
            f"Asterisk at {host}:{port} refused the AMI user [{user}]: the secret in manager.conf and the one in "
            f"secrets/ami.json differ, or [{user}] is not there, or its permit= line leaves this machine out. Mend "
            f"manager.conf, run `asterisk -rx 'manager reload'`, start again.")
        self.user = user
