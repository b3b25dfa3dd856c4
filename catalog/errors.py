"""What an action says when the world has moved on since the caller looked."""


class Conflict(Exception):
    """Well formed and allowed, but not in this state. Becomes 409, or a message on the page."""

    def __init__(self, sentence: str, *, code: str = "conflict") -> None:
        super().__init__(sentence)
        self.code = code
