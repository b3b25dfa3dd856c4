"""What a run may use of tokens and money: counted as spent, and an honest end at the limit."""

import threading
from decimal import Decimal

import pytest
import skops.io
from django.core.exceptions import ValidationError
from django.db import connection
from django.urls import reverse

from benchmarks import actions, limits, plans
from benchmarks.models import RunPart
from benchmarks.predictors.usage import Use
from catalog.digests import digest
from tests.benchmarks import small_world, stressed
from tests.benchmarks.judged import limited, post, served_version, work_off
from tests.benchmarks.servers.open_inference import Served, open_inference

COLUMNS = ["x", "z"]
#: Of 3,000 rows, 500 at a time; the server counts two tokens a row.
A_SCENARIO = 6 * 1000
REPORTED = {"usage_reported": True}


class Counting(Served):
    """Says with each answer what it used: two tokens a row, and a tenth of a cent."""

    told = staticmethod(lambda rows: {"tokens": 2 * rows, "cost": 0.001})

    def infer(self, asked):
        answer = super().infer(asked)
        return {**answer, "parameters": self.told(answer["outputs"][0]["shape"][0])}


@pytest.fixture(autouse=True)
def no_heartbeat(monkeypatch):
    # The heartbeat's own connection would not see this test's transaction.
    monkeypatch.setattr("benchmarks.jobs.renew", lambda job_id, fence: True)


@pytest.fixture
def server(settings):
    with open_inference(Counting(skops.io.loads(small_world.artifact(COLUMNS)))) as server:
        settings.OUTBOUND_HOSTS = [server.origin]
        yield server


@pytest.fixture
def version(world, server):
    return served_version(world, server, COLUMNS)


def evaluated(world, version, **fields):
    suite = limited(world, **fields).suite
    return work_off(actions.start_run(version, suite=suite, by=world.owner))


def used_by(run):
    return [use for (use,) in run.parts.order_by("position").values_list("tokens")]


def asked(server):
    return sum(path.endswith("/infer") for path in server.heard)


# -- the plan and the start -------------------------------------------------------------------


@pytest.mark.django_db
def test_plan__limits_of_use__stand_in_it_with_their_prices_and_only_then(world):
    before = plans.freeze(world.suite, None)
    suite = limited(world, requests_price=Decimal("0.5"), usage_reported=True).suite
    assert digest(plans.freeze(suite, None)) == digest(before)
    suite = limited(world, highest_cost=Decimal("2.50"), most_tokens=7).suite
    assert plans.limits(plans.freeze(suite, None)) == {
        "most_tokens": 7,
        "usage_reported": True,
        "highest_cost": "2.5",
        "requests_price": "0.5",
        "cost_unit": "USD",
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"most_tokens": 5}, "limit of tokens could not be kept"),
        ({"highest_cost": 5}, "declare a price in the suite"),
        ({"highest_cost": 5, "tokens_price": 1}, "price of tokens needs an endpoint"),
        ({"highest_cost": 5, "requests_price": 1, "tokens_price": 1}, "price of tokens needs"),
    ],
)
def test_start__limit_that_nothing_tells__is_refused_in_a_sentence(world, version, fields, words):
    suite = limited(world, **fields).suite
    with pytest.raises(ValidationError, match=words):
        actions.start_run(version, suite=suite, by=world.owner)
    assert not suite.runs.exists()


@pytest.mark.django_db
def test_start__posted_predictions__use_nothing_and_are_not_refused(world):
    limited(world, most_tokens=5)
    run = work_off(post(world, "v1"))
    assert used_by(run) == [0, 0, 0]
    assert run.comparison.received == 3


# -- tokens and cost --------------------------------------------------------------------------


@pytest.mark.django_db
def test_use__below_the_limits__is_counted_and_changes_nothing(world, version):
    run = evaluated(world, version, most_tokens=10**6, highest_cost=5, **REPORTED)
    assert used_by(run) == [A_SCENARIO] * 3
    assert limits.used(run) == Use(3 * A_SCENARIO, Decimal("0.018"))
    assert run.comparison.received == 3


@pytest.mark.django_db
def test_tokens__limit_reached_between_two_requests__stops_there_and_is_no_pass(
    world, version, server
):
    run = evaluated(world, version, most_tokens=A_SCENARIO + 1500, **REPORTED)
    first, second, third = run.parts.order_by("position")
    assert [part.status for part in (first, second, third)] == ["received", "errored", "errored"]
    assert [part.tokens for part in (first, second, third)] == [A_SCENARIO, 2000, 0]
    said = "The run may use at most 7,500 tokens, and 8,000 are used."
    assert (second.message, third.message) == (said, said)
    assert run.comparison.verdict == "inconclusive"
    assert asked(server) == 6 + 2


@pytest.mark.django_db
def test_cost__price_of_requests__is_what_was_sent_and_names_its_unit(world, version, server):
    run = evaluated(
        world, version, highest_cost=Decimal("4"), requests_price=Decimal("500"), cost_unit="EUR"
    )
    assert asked(server) == 8
    assert limits.used(run).cost == 4
    assert run.parts.get(position=3).message == (
        "The run may cost at most 4 EUR, and 4 EUR are spent."
    )
    assert run.comparison.verdict == "inconclusive"


@pytest.mark.django_db
def test_cost__price_of_tokens__is_made_from_what_the_endpoint_reports(world, version):
    run = evaluated(world, version, highest_cost=100, tokens_price=Decimal("0.25"), **REPORTED)
    assert limits.used(run).cost == Decimal("4.5")


@pytest.mark.django_db
def test_cost__endpoint_that_reports_it__counts_and_needs_no_tokens(world, version, monkeypatch):
    monkeypatch.setattr(Counting, "told", staticmethod(lambda rows: {"cost": 0.25}))
    run = evaluated(world, version, highest_cost=2, **REPORTED)
    assert limits.used(run) == Use(0, Decimal("2"))
    assert run.comparison.verdict == "inconclusive"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, "does not say what its answer used"),
        ({"tokens": -5}, "is no number of tokens"),
    ],
)
def test_tokens__endpoint_that_reports_none_or_nonsense__is_an_error_after_one_request(
    world, version, server, monkeypatch, told, words
):
    monkeypatch.setattr(Counting, "told", staticmethod(lambda rows: told))
    run = evaluated(world, version, most_tokens=10**6, **REPORTED)
    assert all(words in part.message for part in run.parts.all())
    assert run.comparison.verdict == "inconclusive"
    assert asked(server) == 3  # one of each scenario


@pytest.mark.django_db
def test_use__without_a_limit__is_not_read_so_that_nonsense_harms_nobody(
    world, version, monkeypatch
):
    monkeypatch.setattr(Counting, "told", staticmethod(lambda rows: {"tokens": "many"}))
    run = evaluated(world, version)
    assert (used_by(run), run.comparison.received) == ([0, 0, 0], 3)


@pytest.mark.django_db
def test_use__answer_of_no_use__was_paid_for_all_the_same(world, version, monkeypatch):
    infer = Counting.infer
    monkeypatch.setattr(
        Counting, "infer", lambda self, asked: {**infer(self, asked), "model_name": "other"}
    )
    run = evaluated(world, version, most_tokens=10**6, **REPORTED)
    assert used_by(run) == [1000, 1000, 1000]


@pytest.mark.django_db
def test_use__worker_that_died_in_the_middle__is_counted_again_because_it_is_paid_again(
    world, version, server, monkeypatch
):
    class Killed(BaseException):
        """Stands for the end of a process: nothing below it catches this."""

    suite = limited(world, most_tokens=10**6, **REPORTED).suite
    run = actions.start_run(version, suite=suite, by=world.owner)
    heard, count = limits.spend, []

    def dying(part, use):
        heard(part, use)
        count.append(use)
        if len(count) == 2:
            raise Killed

    monkeypatch.setattr(limits, "spend", dying)
    with pytest.raises(Killed):
        work_off(run, jobs=1)
    assert used_by(run) == [2000, 0, 0]
    monkeypatch.setattr(limits, "spend", heard)
    run.jobs.filter(state="running").update(state="queued", lease_until=None)
    run = work_off(run)
    assert used_by(run) == [A_SCENARIO + 2000, A_SCENARIO, A_SCENARIO]
    assert limits.used(run).tokens == 1000 * asked(server)


# -- several workers --------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_spend__several_workers_at_once__loses_nothing(committed_world):
    limited(committed_world, most_tokens=10**9)
    run = post(committed_world, "v1")
    parts = list(run.parts.all())

    def spending(number):
        for _ in range(10):
            limits.spend(parts[number % 2], Use(3, Decimal("0.000000001")))
        connection.close()

    workers = [threading.Thread(target=spending, args=(number,)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert limits.used(run) == Use(4 * 10 * 3, Decimal("0.00000004"))
    used = RunPart.objects.filter(run=run).order_by("position").values_list("tokens", flat=True)
    assert list(used) == [60, 60, *[0] * (len(parts) - 2)]


# -- under load -------------------------------------------------------------------------------


@pytest.mark.django_db
def test_load__limit_reached_in_the_middle__stops_it_and_keeps_what_was_spent(world, server):
    version = stressed.register(world, server.origin)
    suite = stressed.suite_under(world, stressed.STEADY)
    suite.most_tokens, suite.usage_reported = 100, True
    suite.record(by=world.owner, reason="It costs.")
    run = stressed.evaluated(version, suite, world.owner)
    part = run.parts.get()
    assert part.status == "errored"
    # Two tokens a request; those that were under way are let finish.
    assert 100 <= part.tokens <= 100 + 2 * stressed.STEADY["connections"]
    assert "at most 100 tokens" in part.message
    assert part.tokens == 2 * asked(server)
    assert run.verdict == "inconclusive"


@pytest.mark.django_db
def test_load__while_it_lasts__writes_down_what_it_uses(world, server, monkeypatch):
    monkeypatch.setattr("benchmarks.predictors.load.KEEP_SECONDS", 0.2)
    written, spend = [], limits.spend

    def noted(part, use):
        written.append(use.tokens)
        spend(part, use)

    monkeypatch.setattr(limits, "spend", noted)
    version = stressed.register(world, server.origin)
    suite = stressed.suite_under(world, stressed.STEADY)
    suite.most_tokens, suite.usage_reported = 10_000, True
    suite.record(by=world.owner, reason="It costs.")
    part = stressed.evaluated(version, suite, world.owner).parts.get()
    assert part.tokens == sum(written) == 240
    assert sum(tokens > 0 for tokens in written) > 3


@pytest.mark.django_db
def test_load__limit_with_room__is_counted_whole(world, server):
    version = stressed.register(world, server.origin)
    suite = stressed.suite_under(world, stressed.STEADY)
    suite.most_tokens, suite.usage_reported = 10_000, True
    suite.record(by=world.owner, reason="It costs.")
    run = stressed.evaluated(version, suite, world.owner)
    assert (run.parts.get().tokens, run.verdict) == (240, "pass")


# -- the pages --------------------------------------------------------------------------------


def text(client, world, name, pk):
    client.force_login(world.owner)
    response = client.get(reverse(name, kwargs={"project": world.project.slug, "pk": pk}))
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


@pytest.mark.django_db
def test_pages__limits_of_use__stand_beside_what_was_used(client, world, version):
    run = evaluated(
        world,
        version,
        most_tokens=20_000,
        highest_cost=5,
        tokens_price=Decimal("0.25"),
        **REPORTED,
    )
    page = text(client, world, "run-detail", run.pk)
    said = "18,000 of at most 20,000 tokens and 4.5 of at most 5 USD, as the endpoint reports it"
    assert f"<dt>Used</dt><dd>{said}" in page
    assert '<th scope="col" class="num">Tokens</th>' in page
    assert "20,000 tokens and 5 USD" in text(client, world, "suite-detail", world.suite.pk)


@pytest.mark.django_db
def test_suite_editor__limits_of_use__are_kept_and_taken_away_again(client, world):
    client.force_login(world.owner)
    url = reverse("suite-edit", kwargs={"project": world.project.slug, "pk": world.suite.pk})
    initial = client.get(url).context["form"].initial
    answer = {
        name: value for name, value in initial.items() if value is not None and value is not False
    }
    answer |= {"scenarios": [row.pk for row in initial["scenarios"]], "reason": "It costs."}
    typed = {
        "most_tokens": 500, "highest_cost": "2.5", "cost_unit": "EUR", "usage_reported": "on",
        "requests_price": "0.1",
    }  # fmt: skip
    saved = client.post(url, {**answer, **typed})
    assert saved.status_code == 302, saved.context["form"].errors
    world.suite.refresh_from_db()
    kept = [getattr(world.suite, name) for name in typed]
    assert kept == [500, Decimal("2.5"), "EUR", True, Decimal("0.1")]
    client.post(url, answer | {"cost_unit": ""})
    world.suite.refresh_from_db()
    kept = [getattr(world.suite, name) for name in typed]
    assert kept == [None, None, "USD", False, None]


@pytest.mark.django_db
@pytest.mark.parametrize("value", ["0", "-1", "much", "NaN"])
def test_suite_editor__impossible_cost__is_told_beside_the_field(client, world, value):
    client.force_login(world.owner)
    url = reverse("suite-edit", kwargs={"project": world.project.slug, "pk": world.suite.pk})
    response = client.post(url, {"highest_cost": value})
    assert response.context["form"].errors["highest_cost"]
