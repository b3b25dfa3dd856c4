"""The driver of system stress: times from when a request was due, faults, tries, callers."""

import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
import skops.io

from benchmarks.engine.load import LoadProfile, Planned, schedule
from benchmarks.outbound import Outbound, Reply, Unreachable
from benchmarks.predictors import load
from benchmarks.predictors.base import PredictorError
from benchmarks.predictors.load import LoadDriver
from benchmarks.predictors.protocols import Endpoint
from tests.benchmarks import small_world
from tests.benchmarks.predictors.played_server import FRAME, OIP, Wire, oip
from tests.benchmarks.servers.open_inference import Served, open_inference


class Caller(Wire):
    """A played server as the one connection of a driver."""

    def __enter__(self):
        return self

    def __exit__(self, *trouble):
        return None


def answering(answer=oip, *, takes=0.01):
    """A server that is quick to introduce itself and takes its time over rows."""
    caller = Caller(answer, takes=0.0)
    send = caller.send

    def timed(method, path, body, seconds):
        if body is not None and takes >= seconds:
            caller.now += seconds
            raise Unreachable("It gave no whole answer.")
        caller.takes = takes if body is not None else 0.0
        return send(method, path, body, seconds)

    caller.send = timed
    return caller


def driven(caller, profile, planned=None, *, columns=("x",), frame=FRAME):
    driver = LoadDriver(
        OIP,
        lambda: caller,
        columns,
        "binary",
        profile,
        clock=lambda: caller.now,
        sleep=caller.sleep,
    )
    heard = driver.run(frame, schedule(profile, len(frame), 0) if planned is None else planned)
    return heard.requests, heard.served_by


def one_caller(**settings):
    return LoadProfile(**{"rate": 10, "seconds": 2, "connections": 1, **settings})


# -- time by a played clock -------------------------------------------------------------------


def test_run__quick_server__is_asked_when_planned_and_answers_as_the_model_does():
    found, facts = driven(answering(), one_caller())
    assert found["at"].tolist() == pytest.approx(np.arange(20) / 10)
    assert found["latency_ms"].tolist() == pytest.approx([10.0] * 20)
    assert found["score"].tolist() == FRAME["x"].to_numpy()[found["row"]].tolist()
    assert not found["errored"].any()
    assert facts["requests"] == 20
    assert facts["model"] == "delays"


def test_run__server_slower_than_the_rate__is_charged_with_everybody_who_waited():
    found, _ = driven(answering(takes=0.151), one_caller())
    waited = 151 + 51 * np.arange(20)
    expected = np.minimum(waited, 1000)
    assert found["latency_ms"].tolist() == pytest.approx(expected.tolist())
    assert found["errored"].tolist() == (waited > 1000).astype(int).tolist()


def test_run__one_stall__counts_for_all_that_fell_due_meanwhile():
    takes = iter([0.01] * 5 + [0.6] + [0.01] * 14)
    caller = answering()
    send = caller.send

    def stalling(method, path, body, seconds):
        if body is not None:
            caller.now += next(takes)
        return send(method, path, body, seconds)

    caller.send = stalling
    found, _ = driven(caller, one_caller())
    assert (found["latency_ms"] > 100).sum() >= 5  # asked in turn, only one would have been slow


def test_run__late_answers__have_the_deadline_for_a_time_and_no_score():
    found, _ = driven(answering(takes=2.0), one_caller(deadline_ms=300))
    assert found["errored"].all()
    assert set(found["cause"]) == {load.LATE}
    assert found["latency_ms"].tolist() == pytest.approx([300.0] * 20)
    assert found["score"].isna().all()


# -- faults -----------------------------------------------------------------------------------


def test_run__lost_tries__are_noticed_at_the_tries_deadline_and_mended_by_another():
    profile = one_caller(retries=1, deadline_ms=80)
    planned = [Planned(0.0, 0), Planned(0.5, 1, lost=1), Planned(1.0, 2, lost=2)]
    found, _ = driven(answering(takes=0.005), profile, planned)
    assert found["errored"].tolist() == [0, 0, 1]
    assert found["latency_ms"].tolist() == pytest.approx([5.0, 40 + 20 + 5, 80.0])
    assert found["tries"].tolist() == [1, 2, 2]
    assert found["cause"].tolist() == ["", "", load.LOST]


def test_run__delayed_request__takes_so_much_longer():
    profile = one_caller(delay_ms=200, delay_share=0.5)
    found, _ = driven(answering(), profile, [Planned(0.0, 0), Planned(0.5, 1, delayed=True)])
    assert found["latency_ms"].tolist() == pytest.approx([10.0, 210.0])


def test_run__partial_request__arrives_with_nothing_in_the_named_columns():
    caller = answering()
    profile = one_caller(partial_share=0.5, partial_columns=("y",))
    frame = FRAME.assign(y=[1, 2, 3, 4, 5])
    planned = [Planned(0.0, 0), Planned(0.5, 1, partial=True)]
    driven(caller, profile, planned, columns=("x", "y"), frame=frame)
    sent = [[tensor["data"] for tensor in body["inputs"]] for body in caller.bodies]
    assert sent == [[[0.1], [1]], [[0.2], [None]]]
    assert caller.bodies[1]["inputs"][1]["datatype"] == "FP64"


def test_run__outage__refuses_at_once_without_asking_and_ends():
    profile = one_caller(outage_start=0.5, outage_seconds=1)
    caller = answering()
    found, _ = driven(caller, profile)
    is_out = (found["at"] >= 0.5) & (found["at"] < 1.5)
    assert found["errored"].tolist() == is_out.astype(int).tolist()
    assert set(found.loc[is_out, "cause"]) == {load.REFUSED}
    assert len(caller.bodies) == 10


def test_run__outage_with_retries__is_got_over_by_those_due_at_its_end():
    profile = one_caller(outage_start=0.5, outage_seconds=1, retries=3)
    planned = [Planned(0.6, 0), Planned(1.45, 1)]
    found, _ = driven(answering(), profile, planned)
    assert found["errored"].tolist() == [1, 0]
    assert found["tries"].tolist() == [4, 3]


@pytest.mark.parametrize(
    ("said", "cause", "tries"),
    [
        (Reply(503), load.FAILED, 3),
        (Reply(429), load.FAILED, 3),
        (Unreachable("It cannot be connected to."), load.BROKEN, 3),
        (Reply(404), load.REJECTED, 1),
        (Reply(200, b"what?"), load.UNUSABLE, 1),
    ],
)
def test_run__failing_server__is_asked_again_only_where_that_may_help(said, cause, tries):
    def answer(path, body):
        return oip(path, body) if body is None else said

    found, _ = driven(answering(answer), one_caller(retries=2), [Planned(0.0, 0)])
    assert found["cause"].tolist() == [cause]
    assert found["tries"].tolist() == [tries]
    assert found["errored"].tolist() == [1]


# -- what cannot be asked ---------------------------------------------------------------------


def test_run__another_model__is_no_load_at_all():
    other = answering(lambda path, body: {**oip(path, body), "name": "other"})
    with pytest.raises(PredictorError, match="another model"):
        driven(other, one_caller())


def test_run__columns_that_the_model_does_not_read__cannot_arrive_empty():
    profile = one_caller(partial_share=1, partial_columns=("unread",))
    with pytest.raises(PredictorError, match="reads none"):
        driven(answering(), profile)


# -- a real server ----------------------------------------------------------------------------


@contextmanager
def served():
    model = skops.io.loads(small_world.artifact(["x", "z"]))
    with open_inference(Served(model)) as server:
        yield server


def asked_for_real(server, profile, rows):
    driver = LoadDriver(
        Endpoint("oip", model="small", batch_size=1),
        lambda: Outbound(server.origin, allowed=[server.origin]),
        ["x", "z"],
        "binary",
        profile,
    )
    return driver.run(rows, schedule(profile, len(rows), 0)).requests


def test_run__real_server_on_several_connections__is_asked_at_the_rate():
    rows = small_world.rows(n=40)
    profile = LoadProfile(rate=40, seconds=1, connections=4)
    with served() as server:
        started = time.monotonic()
        found = asked_for_real(server, profile, rows)
        lasted = time.monotonic() - started
        expected = server.model.predict_proba(rows[["x", "z"]])[:, 1]
    assert not found["errored"].any(), found["cause"].unique()
    assert found["score"].to_numpy() == pytest.approx(expected[found["row"]])
    assert 0.9 < lasted < 5


def test_run__real_server_that_answers_one_at_a_time__shows_the_queue(monkeypatch):
    lock = threading.Lock()
    infer = Served.infer

    def slow(self, asked):
        with lock:
            time.sleep(0.05)
            return infer(self, asked)

    monkeypatch.setattr(Served, "infer", slow)
    profile = LoadProfile(rate=40, seconds=1, connections=2, deadline_ms=5000)
    with served() as server:
        found = asked_for_real(server, profile, small_world.rows(n=40))
    # 40 requests of 50 ms each take 2 s: the last waited for about a second of it.
    assert not found["errored"].any()
    assert found["latency_ms"].iloc[-5:].min() > 500
    assert found["latency_ms"].iloc[:2].max() < 500


def test_run__server_of_the_protocol__hears_one_row_a_request():
    caller = answering()
    driven(caller, one_caller())
    assert {tuple(body["inputs"][0]["shape"]) for body in caller.bodies} == {(1, 1)}
