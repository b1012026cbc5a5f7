"""Why a question of several requests came to nothing."""


class AskFailed(Exception):
    """A question got no usable answer. `raw` is what could not be read, if that was the cause."""

    def __init__(self, reason: str, raw: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.raw = raw
