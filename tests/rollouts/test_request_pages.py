"""Signing on the pages: who is offered it, to what, and why the others are not."""

from catalog.choices import Role
from catalog.digests import digest
from catalog.models import Membership
from rollouts import actions
from rollouts.choices import RequestStatus
from rollouts.models import Approval
from tests import builders
from tests.rollouts.browsing import answer, page, signed_in, told, url, words
from tests.rollouts.world import World


def test_sign_off__for_a_reviewer__offers_the_form_with_the_digest_shown(world: World) -> None:
    plan = world.draft()
    request = actions.submit(plan, by=world.author)
    shown = page(world, plan, world.scientist)
    assert url("request-answer", world, pk=request.pk) in shown
    assert f'name="evidence_digest" value="{request.evidence_digest}"' in shown


def test_sign_off__for_a_reviewer_who_wrote_the_plan__says_why_not(world: World) -> None:
    Membership(user=world.author, project=world.project, role=Role.DATA_SCIENCE).record(by=None)
    plan = world.draft()
    request = actions.submit(plan, by=world.author)
    shown = page(world, plan, world.author)
    assert "You wrote or own this plan. Somebody else has to sign." in shown
    assert url("request-answer", world, pk=request.pk) not in shown


def test_sign_off__for_the_wrong_function__names_who_is_asked(world: World) -> None:
    plan = world.draft()
    actions.submit(plan, by=world.author)
    shown = words(page(world, plan, world.product))
    assert "This asks Reviewer, data science; you hold none of these roles here." in shown


def test_sign_off__answered__says_so_instead_of_asking_again(world: World) -> None:
    plan = world.draft(risk_tier="high")
    request = actions.submit(plan, by=world.author)
    world.sign(request, Role.DATA_SCIENCE)
    assert "You answered already: approved." in page(world, plan, world.scientist)


def test_answer__to_another_digest__is_refused_and_kept_nowhere(world: World) -> None:
    plan = world.draft()
    request = actions.submit(plan, by=world.author)
    client = signed_in(world.scientist)
    response = answer(client, world, request, evidence_digest="0" * 64)
    assert "What you were shown is not what is asked now." in told(response)
    assert not Approval.objects.exists()


def test_answer__by_somebody_without_the_role__is_forbidden_in_words(world: World) -> None:
    plan = world.draft()
    request = actions.submit(plan, by=world.author)
    response = answer(signed_in(world.product), world, request)
    assert response.status_code == 403
    assert "You do not hold the role" in response.content.decode()


def test_answer__rejection_without_a_reason__is_refused(world: World) -> None:
    plan = world.draft()
    request = actions.submit(plan, by=world.author)
    client = signed_in(world.scientist)
    response = answer(client, world, request, answer="rejected", reason="")
    request.refresh_from_db()
    assert request.status == RequestStatus.OPEN
    assert "Say why" in told(response)


def test_answer__after_the_evidence_changed__supersedes_and_says_so(world: World) -> None:
    plan = world.draft()
    request = actions.submit(plan, by=world.author)
    builders.a_failure_case(world.model, by=world.author)
    response = answer(signed_in(world.scientist), world, request)
    request.refresh_from_db()
    assert request.status == RequestStatus.SUPERSEDED
    assert "The evidence changed since the sign-off was opened." in told(response)


def test_request_page__holds_the_text_whose_digest_is_signed(world: World) -> None:
    plan = world.draft()
    request = actions.submit(plan, by=world.author)
    response = signed_in(world.scientist).get(url("request-detail", world, pk=request.pk))
    sign_off = response.context["sign_off"]
    assert digest(sign_off.evidence) == request.evidence_digest
    assert request.evidence_digest in response.content.decode()
    assert sign_off.raw.startswith('{"attempts":')


def test_request_page__of_an_errored_attempt__counts_it(world: World) -> None:
    builders.a_run(world.candidate, world.suite, by=None, status="errored", error="Out of memory.")
    plan = world.draft()
    request = actions.submit(plan, by=world.author)
    response = signed_in(world.scientist).get(url("request-detail", world, pk=request.pk))
    assert response.context["sign_off"].errored == 1
