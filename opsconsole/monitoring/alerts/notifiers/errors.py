"""How a delivery fails."""

from __future__ import annotations

from opsconsole.errors import OpsError


class DeliveryError(OpsError):
    """Raised when a message was not delivered, or nobody knows. `permanent`: a further try would not help.

    `retry_after_s` is when the receiver wants to be tried again.
    """

    category = "delivery"

    def __init__(
        self, message: str, *, hint: str = "", permanent: bool = False, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.permanent = permanent
        self.retry_after_s = retry_after_s
