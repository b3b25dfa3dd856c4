"""Letters to a program's owner: one for each turn of the status, none twice, none lost."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from benchmarks import notices, programs, tasks
from benchmarks.models import Program


@pytest.fixture
def late(world, settings) -> Program:
    """A program whose first turn was due ten days ago, and nobody ran it."""
    settings.EMAIL_HOST = "mail.example.com"
    settings.SITE_ADDRESS = "https://touchstone.example.com"
    world.owner.email = "owner@example.com"
    world.owner.save()
    opened = programs.open_program(
        world.project,
        model=world.model,
        key="late",
        title="Late one",
        goal="Be on time.",
        owner=world.owner,
        cadence_unit="month",
        cadence_anchor=timezone.localdate(),
        by=world.owner,
    )
    programs.assign_suites(opened, [world.suite], by=world.owner)
    programs.keep_cadence(opened, timezone.localdate())
    programs.keep_cadence(opened, timezone.localdate() + timedelta(days=10))
    return opened


def test_notice__overdue_turn__names_what_is_outstanding_and_where_to_look(world, late):
    tasks.send_notices()
    (letter,) = mail.outbox
    assert letter.to == ["owner@example.com"]
    assert letter.subject.startswith("Overdue: Late one")
    assert "no run of any version since" in letter.body
    assert f"https://touchstone.example.com/p/{world.project.slug}/programs/{late.pk}/" in (
        letter.body
    )


def test_notice__told_once__is_told_again_only_when_the_status_changes(world, late):
    assert (notices.send_due(), notices.send_due()) == (1, 0)
    programs.keep_cadence(late, timezone.localdate() + timedelta(days=40))
    assert notices.send_due() == 2, "the first turn is missed now, and the second overdue"
    words = [letter.subject.split(":")[0] for letter in mail.outbox]
    assert sorted(words) == ["Missed", "Overdue", "Overdue"]


def test_notice__mail_server_that_fails__is_tried_again(late, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert notices.send_due() == 0
    assert late.cycles.filter(noticed="").exists()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert notices.send_due() == 1


def test_notice__no_mail_server__sends_nothing_and_marks_nothing(late, settings):
    settings.EMAIL_HOST = ""
    assert notices.send_due() == 0
    assert not mail.outbox
    assert not late.cycles.exclude(noticed="").exists()


def test_notice__owner_without_an_address__is_passed_over_for_good(world, late):
    world.owner.email = ""
    world.owner.save()
    assert notices.send_due() == 0
    assert late.cycles.filter(noticed="overdue").count() == 1


def test_notice__title_over_two_lines__cannot_add_a_header(world, late):
    Program.objects.filter(pk=late.pk).update(title="Late\r\nBcc: all@example.com")
    assert notices.send_due() == 1
    assert "\n" not in mail.outbox[0].subject
    assert mail.outbox[0].bcc == []
