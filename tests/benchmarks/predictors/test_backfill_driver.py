"""The backlog beside a load: who is kept, when it is sent again, and what is left of it."""

import threading
import time

import numpy as np
import pytest
import skops.io

from benchmarks.engine.load import LoadProfile, Planned, schedule
from benchmarks.outbound import Outbound
from benchmarks.predictors import load
from benchmarks.predictors.backlog import Backlog
from benchmarks.predictors.load import LoadDriver
from benchmarks.predictors.protocols import Endpoint
from tests.benchmarks import small_world
from tests.benchmarks.servers.open_inference import Served, open_inference

ROWS = small_world.rows(n=60)
OUTAGE = {
    "rate": 40, "seconds": 1.5, "connections": 4, "deadline_ms": 500, "outage_start": 0.5,
    "outage_seconds": 0.5, "backfill_rate": 50, "backfill_seconds": 2,
}  # fmt: skip

# -- the queue alone --------------------------------------------------------------------------


def request(row):
    return Planned(float(row), row)


@pytest.mark.pure
def test_backlog__outage__is_met_with_silence_until_somebody_is_answered():
    backlog = Backlog()
    first, second = (backlog.keep(request(row), float(row)) for row in (0, 1))
    assert backlog.take() is None
    backlog.answered()
    assert backlog.take() is first
    assert backlog.take() is second
    assert backlog.take() is None


@pytest.mark.pure
def test_backlog__try_that_fails__closes_it_and_goes_to_the_end():
    backlog = Backlog()
    first, second = (backlog.keep(request(row), float(row)) for row in (0, 1))
    backlog.answered()
    backlog.failed(backlog.take())
    assert backlog.take() is None
    backlog.answered()
    assert [backlog.take(), backlog.take()] == [second, first]
    assert (first.tries, second.tries) == (2, 1)


@pytest.mark.pure
def test_backlog__no_live_request_left__finds_out_by_its_own_tries():
    backlog = Backlog()
    item = backlog.keep(request(0), 0.0)
    backlog.live_ended()
    for number in (1, 2):
        assert backlog.take() is item
        assert not backlog.is_done
        if number == 1:
            backlog.failed(item)
    backlog.leave(item, 3.0, is_answered=True)
    assert backlog.is_done
    assert (item.left_at, item.is_answered, item.tries) == (3.0, True, 2)


# -- before a real server ---------------------------------------------------------------------


@pytest.fixture
def served():
    with open_inference(Served(skops.io.loads(small_world.artifact(["x", "z"])))) as server:
        yield server


def driven(server, *, seed=0, **settings):
    profile = LoadProfile(**{**OUTAGE, **settings})
    driver = LoadDriver(
        Endpoint("oip", model="small", batch_size=1),
        lambda: Outbound(server.origin, allowed=[server.origin]),
        ["x", "z"],
        "binary",
        profile,
    )
    return driver.run(ROWS, schedule(profile, len(ROWS), seed))


def asked(server):
    return sum(path.endswith("/infer") for path in server.heard)


def test_run__outage_with_a_backfill__answers_later_and_stays_an_error(served):
    started = time.monotonic()
    loaded = driven(served)
    lasted = time.monotonic() - started
    found = loaded.requests
    failed = found[found["errored"] == 1]
    is_out = (found["at"] >= 0.5) & (found["at"] < 1)
    assert set(failed["cause"]) == {load.REFUSED}
    assert failed.index.tolist() == found.index[is_out].tolist()
    assert failed["filled"].all()
    assert (failed["again"] == 1).all()
    assert failed["left_at"].min() >= 1.0  # live requests were answered again first
    assert failed["score"].isna().all()
    assert (failed["latency_ms"] == 500).all()
    answered = found[found["errored"] == 0]
    assert answered["kept_at"].isna().all()
    assert not answered["again"].any()
    assert loaded.served_by["requests"] == len(found) + len(failed)
    assert asked(served) == len(found)  # what was refused has never arrived
    assert lasted < 1.5 + 1.0  # and nobody waits for the end of the time that there is


def test_run__backfill_rate__is_kept_beside_the_live_requests(served):
    found = driven(served, backfill_rate=20).requests
    left = np.sort(found["left_at"].dropna())
    assert len(left) == 20
    assert left[-1] - left[0] >= 18 / 20  # 19 turns apart, the first of them answered late
    assert not found.loc[found["at"] >= 1, "errored"].any()


def test_run__time_over_before_the_backlog_is_empty__leaves_the_rest_unanswered(served):
    found = driven(served, backfill_rate=5, backfill_seconds=0.4).requests
    kept = found[found["kept_at"].notna()]
    assert 0 < kept["filled"].sum() < len(kept)
    lost = kept[kept["filled"] == 0]
    assert lost["left_at"].isna().all()
    assert kept["left_at"].max() < 1.5 + 0.4 + 0.1


def test_run__outage_to_the_end_of_the_load__is_backfilled_without_a_live_request(served):
    found = driven(
        served, outage_start=1.0, outage_seconds=0.5, seconds=1.5, backfill_rate=50
    ).requests
    kept = found[found["kept_at"].notna()]
    assert len(kept) == 20
    assert kept["filled"].all()
    assert kept["left_at"].min() >= 1.5


def test_run__lost_tries__are_lost_again_as_often_as_was_planned(served):
    settings = {"outage_seconds": 0, "drop_share": 0.4, "deadline_ms": 400, "connections": 24}
    loaded = driven(served, backfill_rate=60, seed=3, **settings)
    profile = LoadProfile(**{**OUTAGE, **settings, "backfill_rate": 60})
    planned = schedule(profile, len(ROWS), 3)
    lost = [one.lost_again for one in planned if one.lost]
    assert sum(lost) > 0
    kept = loaded.requests[[bool(one.lost) for one in planned]]
    assert kept["filled"].all()
    assert kept["again"].tolist() == [number + 1 for number in lost]


def test_run__answer_that_asking_again_cannot_mend__is_never_kept(served, monkeypatch):
    monkeypatch.setattr(Served, "infer", lambda self, asked: {})
    found = driven(served, rate=20, seconds=1, outage_start=0.2, outage_seconds=0.3).requests
    assert set(found.loc[found["kept_at"].isna(), "cause"]) == {load.UNUSABLE}
    kept = found[found["kept_at"].notna()]
    assert set(kept["cause"]) == {load.REFUSED}
    assert kept["left_at"].notna().all()  # asked once more, and told in vain
    assert not kept["filled"].any()


def test_run__server_that_comes_back_slowly__is_probed_and_not_flooded(served, monkeypatch):
    """An outage of the server's own: it fails, nobody declared when."""
    infer, lock, heard = Served.infer, threading.Lock(), []

    def failing(self, asked):
        with lock:
            heard.append(time.monotonic())
            if heard[-1] - heard[0] < 0.6:
                raise RuntimeError
        return infer(self, asked)

    monkeypatch.setattr(Served, "infer", failing)
    found = driven(served, outage_start=1.4, outage_seconds=0.1, seconds=1.5).requests
    early = found[(found["errored"] == 1) & (found["at"] < 0.5)]
    assert len(early) > 5
    assert early["filled"].all()
    # Closed while nobody is answered: only the first may be asked again in vain, and rarely more.
    assert early["again"].mean() < 2.5
