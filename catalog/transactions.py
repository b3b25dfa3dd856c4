"""One write, one transaction, one place where the record is completed before it commits.

Django tells nobody that a transaction is about to commit. A write block does: its outermost
level sends `committing` as its last act, so that what must be appended under one global lock
(the audit chain) is appended last and the lock is held for the shortest time.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction

from catalog.signals import committing


class _Block(threading.local):
    """The write block of this thread: how deep, and what was collected for its end."""

    depth = 0
    collected: list[Any]


_block = _Block()


def in_write_block() -> bool:
    return _block.depth > 0


def collect(item: Any) -> None:
    """Keep something for the end of the running write block; gone if the block fails."""
    _block.collected.append(item)


@contextmanager
def write_block() -> Iterator[None]:
    """Run a use case's writes in one transaction: all of it with its record, or nothing."""
    if in_write_block():
        yield
        return
    _block.depth, _block.collected = 1, []
    try:
        with transaction.atomic():
            yield
            committing.send(sender=None, items=_block.collected)
    finally:
        _block.depth, _block.collected = 0, []
