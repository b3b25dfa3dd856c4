"""Letters about turns that are overdue or missed, to the program's owner, one for each status."""

import logging
from datetime import timedelta

from django.conf import settings
from django.core.mail import send_mail
from django.db.models import F
from django.utils import timezone

from benchmarks.choices import CycleStatus
from benchmarks.models import ProgramCycle
from catalog.pages import address

logger = logging.getLogger(__name__)

BATCH = 100
#: A turn that was due longer ago is no news to anybody.
NEWS = timedelta(days=120)
TOLD = (CycleStatus.OVERDUE, CycleStatus.MISSED)


def send_due() -> int:
    """Write the letters that are due; returns how many went out.

    A letter is marked after it was handed over, so that one may come twice but none is lost.
    Without a mail server nothing is sent, and what is old by the time there is one stays unsaid.
    """
    if not settings.EMAIL_HOST:
        return 0
    recent = timezone.localdate() - NEWS
    late = ProgramCycle.objects.filter(status__in=TOLD, due_on__gte=recent)
    waiting = late.exclude(noticed=F("status"))
    rows = waiting.select_related("program__owner", "program__project").order_by("pk")
    return sum(_send(cycle) for cycle in rows[:BATCH])


def _send(cycle: ProgramCycle) -> bool:
    owner = cycle.program.owner
    if owner.email:
        try:
            send_mail(_subject(cycle), _letter(cycle), settings.DEFAULT_FROM_EMAIL, [owner.email])
        except OSError:  # every fault of a mail server is one
            logger.exception("No letter about %s could be handed over.", cycle.pk)
            return False
    cycle.noticed = cycle.status
    cycle.record(by=None, reason="its owner was told" if owner.email else "nobody to write to")
    return bool(owner.email)


def _subject(cycle: ProgramCycle) -> str:
    title = " ".join(cycle.program.title.split())
    return f"{cycle.get_status_display()}: {title}, due {cycle.due_on:%-d %b %Y}"


def _letter(cycle: ProgramCycle) -> str:
    program = cycle.program
    page = address("program-detail", program.project, pk=program.pk)
    lines = [
        f"The challenge program “{program.title}” was due on {cycle.due_on:%-d %B %Y} and is "
        f"{cycle.get_status_display().lower()}.",
        "",
        *(f"- {sentence}" for sentence in cycle.outstanding),
        "",
        f"{settings.SITE_ADDRESS}{page}",
    ]
    return "\n".join(lines)
