"""Every page as a browser sees it: accessible, quiet in the console, no wider than a phone."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.conftest import Site, sign_in

pytestmark = pytest.mark.browser

PATHS = """
import json
from benchmarks.models import (
    ChallengeRun, Comparison, Debrief, DriftComparison, Playbook, Program, Remediation, Scenario,
)
from catalog.models import Assumption, Dataset, DatasetVersion, FailureCase, RegisteredModel
from rollouts.models import ApprovalRequest, RolloutPlan
run = ChallengeRun.objects.filter(suite__key="july-challenge", model_version__version="v2").last()
version = run.model_version
stopped = RolloutPlan.objects.get(candidate=version)
print(json.dumps([
    "", "inbox/", "rollouts/", f"rollouts/{stopped.pk}/", f"rollouts/{stopped.pk + 1}/",
    "rollouts/new/", f"requests/{ApprovalRequest.objects.last().pk}/",
    "runs/", f"runs/{run.pk}/", f"comparisons/{run.comparison.pk}/",
    f"runs/{run.pk}/cell/?scenario=july-as-is&metric=accuracy&slice=all",
    f"runs/{run.pk}/fairness/",
    f"runs/{ChallengeRun.objects.get(suite__key='serving').pk}/load/",
    "suites/", f"suites/{run.suite_id}/", f"scenarios/{Scenario.objects.last().pk}/",
    f"scenarios/{Scenario.objects.last().pk}/edit/", "scenarios/new/",
    f"suites/{run.suite_id}/edit/", "drift/",
    f"drift/{DriftComparison.objects.first().pk}/",
    "programs/", f"programs/{Program.objects.first().pk}/",
    f"programs/{Program.objects.first().pk}/summary/",
    f"programs/{Program.objects.first().pk}/edit/",
    f"debriefs/{Debrief.objects.first().pk}/", f"playbooks/{Playbook.objects.first().pk}/",
    f"playbooks/{Playbook.objects.first().pk}/edit/",
    "remediation/", f"remediation/{Remediation.objects.first().pk}/",
    "models/", f"models/{version.model_id}/", "models/new/",
    f"models/{version.model_id}/endpoints/new/", f"versions/{version.pk}/",
    "data/", f"data/{Dataset.objects.first().pk}/",
    f"data/{Dataset.objects.first().pk}/edit/",
    f"data-versions/{DatasetVersion.objects.first().pk}/",
    f"data-versions/{DatasetVersion.objects.first().pk}/corrections/",
    f"programs/{Program.objects.first().pk}/public/",
    f"scenarios/{next(row.pk for row in Scenario.objects.all() if row.safety_net)}/edit/",
    f"scenarios/{next(row.pk for row in Scenario.objects.all() if row.stress)}/edit/",
    "assumptions/", f"assumptions/{Assumption.objects.first().pk}/",
    "failures/", f"failures/{FailureCase.objects.filter(status='verified').first().pk}/",
    "failures/new/", "members/", "tokens/", "audit/",
    f"audit/registeredmodel/{version.model_id}/",
]))
"""
#: Who can open a page that not everybody can.
SPECIAL = {
    "rollouts/new/": "owner",
    "models/new/": "owner",
    "scenarios/new/": "owner",
    "failures/new/": "curator",
    "tokens/": "admin",
}
#: The owner's pages: those that edit, and those that register a way to ask a model.
OWNED = ("/edit/", "/endpoints/new/")
SHOTS = {"": "home", "runs/": "run", "comparisons/": "comparison", "failures/": "failure"}


@pytest.fixture(scope="module")
def paths(site: Site) -> list[str]:
    return site.installation.read(PATHS)


def serious(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{v['id']}: {v['nodes'][0]['html'][:160]}"
        for v in found
        if v["impact"] in {"serious", "critical"}
    ]


def visitor(path: str) -> str:
    return SPECIAL.get(path, "owner" if path.endswith(OWNED) else "product")


def visit(page: Page, site: Site, paths: list[str]) -> list[str]:
    """Open every page as somebody who may; returns what is wrong, with its address."""
    faults: list[str] = []
    for username in ("product", "owner", "curator", "admin"):
        mine = [path for path in paths if visitor(path) == username]
        page.context.clear_cookies()
        sign_in(page, site, username)
        for path in mine:
            answer = page.goto(site.at(path))
            if answer is None or not answer.ok:
                faults.append(f"{path}: {answer and answer.status}")
                continue
            faults += [f"{path}: {fault}" for fault in serious(page)]
            wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            if wide > 1:
                faults.append(f"{path}: {wide} px wider than the window")
    return faults


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_page__every_one__is_accessible_and_fits(page: Page, site: Site, paths, theme, width):
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": width, "height": 900})
    assert visit(page, site, paths) == []


def test_sign_in_page__before_anybody_is_known__is_accessible(page: Page, site: Site):
    page.goto(f"{site.address}/accounts/login/")
    assert serious(page) == []


def test_admin__curator__works_failure_cases_there_without_a_way_to_delete(page: Page, site: Site):
    sign_in(page, site, "curator")
    page.goto(f"{site.address}/admin/catalog/failurecase/")
    assert page.locator("#result_list tbody tr").count() > 0
    page.locator("#result_list tbody tr th a").first.click()
    assert page.locator("text=Delete").count() == 0


def test_readme__its_pictures__are_taken_when_asked_for(
    browser: Browser, site: Site, paths, shots
):
    if shots is None:
        pytest.skip("Set TOUCHSTONE_SCREENSHOTS=1 to take the README's pictures anew.")
    shots.mkdir(parents=True, exist_ok=True)
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    page = context.new_page()
    sign_in(page, site, "product")
    for prefix, name in SHOTS.items():
        path = next(p for p in paths if p.startswith(prefix) and (p == "" or p != prefix))
        page.goto(site.at(path))
        page.screenshot(path=shots / f"{name}.png", full_page=False)
    rollout = next(p for p in paths if p.startswith("rollouts/") and p != "rollouts/")
    page.goto(site.at(f"{rollout}?stage=4"))
    page.screenshot(path=shots / "rollout.png")
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(site.at(f"{rollout}?stage=4"))
    page.screenshot(path=shots / "rollout-phone-dark.png")
    context.close()


def test_executive_summary__printed__is_one_page_of_paper(page: Page, site: Site, paths):
    sign_in(page, site, "product")
    page.goto(site.at(next(path for path in paths if path.endswith("/summary/"))))
    printed = page.pdf(format="A4", print_background=True)
    assert printed.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
    page.emulate_media(media="print")
    assert page.locator("h1").first.is_visible()
    assert not page.locator("header nav").first.is_visible(), "menus are of no use on paper"
