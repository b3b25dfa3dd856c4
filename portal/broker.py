"""The broker that needs no server: messages are files in a folder, each put in place whole."""

import os
import uuid
from pathlib import Path
from time import monotonic
from typing import Any

from kombu.transport import filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    """Writes each message aside and renames it, so that no consumer can read half of one.

    kombu's own form opens the final name first: a consumer that looks at that moment reads an
    empty file and dies of it. A message lost with a killed consumer is sent again from the job
    table, so nothing more is kept here.
    """

    # kombu names this argument differently in two of its own classes.
    def _put(self, queue: str, payload: dict[str, Any], **kwargs: Any) -> None:  # type: ignore[override]
        folder = Path(self.data_folder_out)
        name = f"{round(monotonic() * 1000)}_{uuid.uuid4()}"
        aside = folder / f".{name}.part"
        aside.write_text(dumps(payload))
        os.replace(aside, folder / f"{name}.{queue}.msg")


class Transport(filesystem.Transport):
    """The folder transport with the safe channel."""

    Channel = Channel
