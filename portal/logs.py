"""One event, one line: a name with a line break in it cannot forge a second log record."""

import logging
from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="-")


class OneLineFormatter(logging.Formatter):
    """Adds the request's id and escapes control characters; tracebacks stay readable."""

    def format(self, record: logging.LogRecord) -> str:
        record.request_id = request_id.get()
        record.msg = _escaped(record.getMessage())
        record.args = None
        return super().format(record)


def _escaped(text: str) -> str:
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
