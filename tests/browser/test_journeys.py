"""What people do, clicked in a real browser, in order: later steps change what earlier saw."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, sign_in

pytestmark = pytest.mark.browser

IDS = """
import json
from benchmarks.models import ChallengeRun, Suite
from catalog.models import FailureCase
from rollouts.models import RolloutPlan
july = Suite.objects.get(key="july-challenge")
run = ChallengeRun.objects.get(suite=july, model_version__version="v2")
print(json.dumps({
    "july": july.pk,
    "v2_run": run.pk,
    "v2_comparison": run.comparison.pk,
    "v2_plan": RolloutPlan.objects.get(candidate__version="v2").pk,
    "v3_plan": RolloutPlan.objects.get(candidate__version="v3").pk,
    "triaged": FailureCase.objects.filter(status="triaged").first().pk,
    "verified": FailureCase.objects.filter(status="verified").first().pk,
}))
"""


@pytest.fixture(scope="session")
def ids(site: Site) -> dict[str, int]:
    return site.installation.read(IDS)


def test_sign_in__wrong_then_right_password__says_so_and_then_opens_home(page: Page, site: Site):
    sign_in(page, site, "auditor", "not it")
    expect(page.locator("main")).to_contain_text(re.compile("correct", re.I))
    sign_in(page, site, "auditor")
    expect(page.locator("h1")).to_contain_text("Flight delays")


def test_sign_in__five_wrong_passwords__pauses_and_says_for_how_long(page: Page, site: Site):
    for _ in range(5):
        sign_in(page, site, "nobody-here", "guess")
    expect(page.locator("main")).to_contain_text("Try again in")


def test_home__product_reviewer__shows_at_one_glance_what_needs_a_signature(
    page: Page, site: Site
):
    sign_in(page, site, "product")
    need = page.get_by_role("link", name=re.compile("Sign: Roll out v3"))
    expect(need).to_be_visible()
    need.click()
    expect(page.locator("#sign-off")).to_contain_text("Evidence digest")


def test_rollout__its_author__is_refused_with_the_reason_and_has_no_form(
    page: Page, site: Site, ids
):
    sign_in(page, site, "owner")
    page.goto(site.at(f"rollouts/{ids['v3_plan']}/"))
    panel = page.locator("#sign-off")
    expect(panel.locator("button[name=answer]")).to_have_count(0)
    expect(panel.locator(".notice").last).to_be_visible()
    link = panel.get_by_role("link", name="This sign-off by itself").get_attribute("href")
    digest = panel.locator("[data-copy]").last.get_attribute("data-copy")
    token = page.locator("[name=csrfmiddlewaretoken]").first.input_value()
    answer = page.request.post(
        f"{site.address}{link}answer/",
        form={
            "csrfmiddlewaretoken": token,
            "slot": "reviewer_product",
            "answer": "approved",
            "evidence_digest": digest or "",
        },
        headers={"Referer": page.url},
    )
    assert answer.status == 403


def test_rollout__product_reviewer__approves_exactly_what_the_panel_shows(
    page: Page, site: Site, ids
):
    sign_in(page, site, "product")
    page.goto(site.at(f"rollouts/{ids['v3_plan']}/"))
    panel = page.locator("#sign-off")
    shown = panel.locator("[data-copy]").last.get_attribute("data-copy")
    panel.get_by_label("What you looked at").fill("Read every gate.")
    panel.get_by_role("button", name="Approve").click()
    expect(page.locator("body")).to_contain_text("Approved as")
    expect(page.locator("#sign-off .slot.is-signed")).to_have_count(2)
    signed = page.locator("#sign-off [data-copy]").last.get_attribute("data-copy")
    assert signed == shown


def test_rollout__operator_without_a_reason__is_asked_for_one_and_with_it_rolls_back(
    page: Page, site: Site, ids
):
    sign_in(page, site, "operator")
    page.goto(site.at(f"rollouts/{ids['v3_plan']}/"))
    deed = page.locator("details.deed").filter(has_text="Roll back")
    deed.locator("summary").click()
    deed.locator("textarea").evaluate("area => area.removeAttribute('required')")
    deed.get_by_role("button", name="Roll back").click()
    expect(page.locator("body")).to_contain_text("Say why")
    deed = page.locator("details.deed").filter(has_text="Roll back")
    deed.locator("summary").click()
    deed.locator("textarea").fill("The desk asks for it.")
    deed.get_by_role("button", name="Roll back").click()
    expect(page.locator("body")).to_contain_text("Rolling back")
    expect(page.locator("body")).to_contain_text("The desk asks for it.")


def test_run__started_on_the_suite_page__moves_live_and_shows_its_verdict_by_itself(
    page: Page, site: Site, ids
):
    sign_in(page, site, "owner")
    page.goto(site.at(f"suites/{ids['july']}/#start"))
    form = page.locator("form[action$='/runs/']")
    choice = form.locator("select[name=version]")
    choice.select_option(choice.locator("option", has_text="v2").get_attribute("value"))
    form.get_by_role("button").last.click()
    progress = page.locator("#progress progress")
    expect(progress).to_be_visible()
    before = progress.get_attribute("value") or ""
    expect(progress).not_to_have_attribute("value", before, timeout=60_000)
    expect(page.get_by_text("Why it fails")).to_be_visible(timeout=120_000)


def test_comparison__opened_from_its_run__shows_plots_tables_and_what_is_undecided(
    page: Page, site: Site, ids
):
    sign_in(page, site, "scientist")
    page.goto(site.at(f"runs/{ids['v2_run']}/"))
    page.get_by_role("link", name="Open the comparison").click()
    expect(page.locator("h1")).to_contain_text("v2 against v1")
    expect(page.locator("svg[role=img]").first).to_be_visible()
    expect(page.get_by_role("heading", name=re.compile("Undecided"))).to_be_visible()
    page.goto(site.at(f"runs/{ids['v2_run']}/"))
    page.locator(".matrix a").first.click()
    expect(page.locator("main")).to_contain_text("interval")


def test_failure__annotated_by_one_curator__is_verified_by_another_only(
    page: Page, site: Site, ids
):
    case = site.at(f"failures/{ids['triaged']}/")
    sign_in(page, site, "curator")
    page.goto(f"{case}annotate/")
    page.locator("select[name=mode]").select_option(index=3)
    page.fill("[name=severity_reason]", "Seen by the desk.")
    page.fill("[name=explanation]", "To be looked into.")
    page.locator("main form button[type=submit]").last.click()
    expect(page.locator("h1 + *, .page-header, main")).to_contain_text(["Annotated"])
    refused = page.goto(f"{case}move/?to=verified")
    own = page.locator("main form textarea")
    if refused and refused.ok and own.count():
        own.first.fill("I say so myself.")
        page.locator("main form button[type=submit]").last.click()
    expect(page.locator("body")).to_contain_text(re.compile("annotat", re.I))
    page.context.clear_cookies()
    sign_in(page, site, "verifier")
    page.goto(f"{case}move/?to=verified")
    page.locator("main form textarea").first.fill("Reproduced on the same rows.")
    page.locator("main form button[type=submit]").last.click()
    expect(page.locator("main")).to_contain_text("Verified")


def test_raw_inputs__revealed_against_a_reason__stand_in_the_audit_timeline(
    page: Page, site: Site, ids
):
    sign_in(page, site, "curator")
    page.goto(site.at(f"failures/{ids['verified']}/"))
    page.get_by_role("link", name=re.compile("Reveal", re.I)).first.click()
    page.locator("main form textarea").first.fill("Looking for the cause.")
    page.locator("main form button[type=submit]").last.click()
    expect(page.locator("main")).to_contain_text("pressure")
    page.goto(site.at("audit/"))
    expect(page.locator("main")).to_contain_text(re.compile("reveal", re.I))


def test_audit__auditor__takes_the_timeline_along_as_csv(page: Page, site: Site):
    sign_in(page, site, "auditor")
    page.goto(site.at("audit/"))
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("CSV")).click()
    content = download.value.path().read_text()
    assert content.count("\n") > 100


def test_keyboard__alone__signs_in_and_reaches_a_rollout(page: Page, site: Site):
    page.goto(f"{site.address}/accounts/login/")
    expect(page.locator(":focus")).to_have_attribute("name", "username")
    page.keyboard.type("auditor")
    page.keyboard.press("Tab")
    page.keyboard.type("touchstone-demo")
    page.keyboard.press("Enter")
    page.wait_for_url("**/p/**")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_contain_text(re.compile("skip", re.I))
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.locator(":focus").inner_text().strip().startswith("Rollouts"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/rollouts/")


def test_theme__switched__stays_over_a_reload(page: Page, site: Site):
    sign_in(page, site, "auditor")
    html = page.locator("html")
    before = html.get_attribute("data-bs-theme")
    page.locator("[data-theme-toggle], .theme-toggle").first.click()
    switched = html.get_attribute("data-bs-theme")
    assert switched != before
    page.reload()
    expect(html).to_have_attribute("data-bs-theme", str(switched))
