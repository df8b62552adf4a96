"""A service as its supervisor has it: revisions, keys, certificates, reloading, limits, and workers that fail."""

import http.client
import json
import os
import signal
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from terrazul.scoring.plan import RevisionFailed
from terrazul.testing.certificate import make_pair
from terrazul.testing.scoring import ServiceInThread, ask, wait_until
from terrazul.testing.server import Answer

PID = "import os\ndef init(): pass\ndef run(data): return os.getpid()"
SLEEP = "import os, time\ndef init(): pass\ndef run(data):\n    time.sleep(float(data))\n    return os.getpid()"
IN_C = """
import time
def init(): pass
def run(data):
    if data == "loop":
        sum(range(10 ** 12))
    return data
"""
BATCH = """
import json, time
def init(): pass
def run(data):
    if data == '"slow"': time.sleep(0.5)
    return ["single", json.loads(data)]
def run_batch(requests):
    values = [json.loads(each) for each in requests]
    if "bad" in values: raise ValueError("bad")
    if "few" in values: return []
    return [["batch", len(values), each] for each in values]
"""


def says(text: str) -> str:
    return f"def init(): pass\ndef run(data): return {text!r}"


def result_of(answer: Answer) -> object:
    assert answer.status == 200, answer
    return json.loads(answer.body)


def test_before_the_first_revision_clients_are_told_to_come_again(service: ServiceInThread):
    for path in ("/", "/score", "/swagger.json", "/v2/health/ready"):
        assert service.ask("GET", path).status == 503
    assert service.ask("GET", "/score").headers["retry-after"] == "1"
    assert service.ask("GET", "/v2/health/live").status == 200
    assert service.service.ready_workers == 0


def test_a_new_revision_takes_over_between_two_requests(service: ServiceInThread):
    service.take(says("0"), worker_count=2)
    failed: list[Answer] = []
    seen: set[object] = set()
    ending = threading.Event()

    def score() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", service.port)
        while not ending.is_set():
            connection.request("POST", "/score", "{}")
            answer = connection.getresponse()
            body = answer.read()
            if answer.status == 200:
                seen.add(body)
            else:
                failed.append(Answer(answer.status, {}, body))
        connection.close()

    with ThreadPoolExecutor(8) as pool:
        for _ in range(8):
            pool.submit(score)
        for number in range(1, 4):
            service.take(says(str(number)), worker_count=2)
        ending.set()
    assert failed == []
    assert seen == {b'"0"', b'"1"', b'"2"', b'"3"'}
    assert result_of(service.score()) == "3"


def test_a_revision_that_fails_changes_nothing(service: ServiceInThread):
    service.take(says("old"))
    with pytest.raises(RevisionFailed) as failure:
        service.take("def init(): raise ValueError('the cause')\ndef run(data): pass", worker_count=2)
    assert failure.value.code == "InitFailed"
    assert "the cause" in failure.value.message
    assert 'raise ValueError("the cause")' in failure.value.details.replace("'", '"')
    assert result_of(service.score()) == "old"
    with pytest.raises(RevisionFailed, match="cannot be started"):
        service.wait(service.service.take(_without_python(service), _options()))
    assert result_of(service.score()) == "old"


def _without_python(service: ServiceInThread):  # noqa: ANN202  # a plan
    from dataclasses import replace  # noqa: PLC0415  # used here alone

    return replace(service.plan(says("x")), python="/nowhere/python")


def _options():  # noqa: ANN202  # of a revision
    from terrazul.scoring.plan import ServingOptions  # noqa: PLC0415  # used here alone

    return ServingOptions()


@pytest.mark.parametrize("init", ["time.sleep(99)", "sum(range(10 ** 12))"], ids=["python", "C"])
def test_init_that_hangs_is_told_with_its_place(service: ServiceInThread, init: str):
    begin = time.monotonic()
    with pytest.raises(RevisionFailed) as failure:
        service.take(f"import time\ndef init():\n    {init}\ndef run(data): pass", init_timeout_seconds=0.5)
    assert failure.value.code == "InitTimeout"
    assert "line 3" in failure.value.details
    assert time.monotonic() - begin < 5


def test_a_request_that_is_being_scored_is_finished_by_its_revision(service: ServiceInThread):
    service.take(SLEEP)
    old = result_of(service.score("0"))
    with ThreadPoolExecutor() as pool:
        running = pool.submit(service.score, "1")
        time.sleep(0.2)
        service.take(SLEEP)
        assert result_of(running.result()) == old
    assert result_of(service.score("0")) != old


def test_health_never_waits_behind_a_score(service: ServiceInThread):
    service.take(SLEEP)
    with ThreadPoolExecutor() as pool:
        running = pool.submit(service.score, "1")
        time.sleep(0.2)
        begin = time.monotonic()
        assert service.ask("GET", "/").body == b"Healthy"
        assert time.monotonic() - begin < 0.5
        assert running.result().status == 200


def test_keys_count_from_the_next_request_on(service: ServiceInThread):
    service.take(PID)
    assert service.score().status == 200
    service.call(service.service.set_keys, ["first", "second"])
    connection = http.client.HTTPConnection("127.0.0.1", service.port)

    def status(key: str, path: str = "/score", method: str = "POST") -> int:
        connection.request(method, path, "{}", {"Authorization": key} if key else {})
        answer = connection.getresponse()
        answer.read()
        return answer.status

    assert [status(f"Bearer {key}") for key in ("first", "second", "third", "")] == [200, 200, 401, 401]
    assert [status(key) for key in ("", "first", "Basic first", "bearer first", "Bearer  first ")] == [
        401, 401, 401, 200, 200,
    ]  # fmt: skip
    service.call(service.service.set_keys, ["new", "second"])
    assert [status(f"Bearer {key}") for key in ("first", "new", "second")] == [401, 200, 200]
    assert status("", "/swagger.json", "GET") == 401
    assert status("", "/v2/models/model/infer") == 401
    assert status("", "/invocations") == 401
    assert status("", "/", "GET") == 200
    service.call(service.service.set_keys, None)
    assert status("") == 200
    connection.close()
    assert "first" not in service.log


def test_a_large_body_is_not_received_without_a_key(service: ServiceInThread):
    service.take(PID)
    service.call(service.service.set_keys, ["key"])
    assert service.score("x" * 10_000_000).status == 401
    assert service.score("x" * 10_000_000, {"Authorization": "Bearer key"}).status == 200


def test_reload_starts_all_workers_anew_and_loses_nothing(service: ServiceInThread):
    plan = service.plan(says("before"))
    service.wait(service.service.take(plan, _options()))
    Path(plan.entry_script).write_text(says("after") + "\ndef other(): pass", encoding="utf-8")
    assert result_of(service.score()) == "before"
    service.wait(service.service.reload())
    assert result_of(service.score()) == "after"
    Path(plan.entry_script).write_text("def init(:", encoding="utf-8")
    with pytest.raises(RevisionFailed, match="SyntaxError"):
        service.wait(service.service.reload())
    assert result_of(service.score()) == "after"


def test_certificate_can_be_changed_while_serving(service: ServiceInThread, tmp_path: Path):
    service.take(says("x"))
    contexts = [_certificate(tmp_path, name) for name in ("one", "two")]
    for server, client in contexts:
        service.wait(service.service.set_tls(server))
        connection = http.client.HTTPSConnection("localhost", service.port, context=client)
        connection.request("POST", "/score", "{}")
        assert connection.getresponse().read() == b'"x"'
        connection.close()
    with pytest.raises((OSError, http.client.HTTPException)):
        service.score()
    service.wait(service.service.set_tls(None))
    assert result_of(service.score()) == "x"


def _certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    pair = make_pair(folder, name)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*pair)
    return server, ssl.create_default_context(cafile=str(pair.certificate))


@pytest.mark.parametrize(("what", "comes_back"), [("python", True), ("loop", False)])
def test_a_score_that_takes_too_long_is_answered_on_time(service: ServiceInThread, what: str, comes_back: bool):
    script = IN_C if what == "loop" else SLEEP
    service.take(script, scoring_timeout_ms=300)
    begin = time.monotonic()
    answer = service.score("30" if comes_back else what)
    assert time.monotonic() - begin < 2
    assert (answer.status, json.loads(answer.body)["message"]) == (500, "Scoring timeout after 300 ms")
    assert answer.headers["x-ms-run-function-failed"] == "True"
    assert service.score("0").status == 200
    assert service.service.restarts == (0 if comes_back else 1)
    if not comes_back:
        assert "in run" in service.log


def test_a_script_cannot_hold_the_timeout_up_by_catching(service: ServiceInThread):
    service.take(
        "import time\ndef init(): pass\ndef run(data):\n    try: time.sleep(30 * int(data))\n"
        "    except BaseException: time.sleep(30)\n    return data",
        scoring_timeout_ms=300,
    )
    assert service.score("1").status == 500
    assert service.score("0").status == 200


def test_beyond_the_queue_clients_are_told_when_to_come_again(service: ServiceInThread):
    service.take(SLEEP, queue_limit=2)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(service.score, ["0.3"] * 8))
    served = [each for each in answers if each.status == 200]
    refused = [each for each in answers if each.status == 503]
    assert (len(served), len(refused)) == (3, 5)
    assert all(int(each.headers["retry-after"]) >= 1 for each in refused)


def test_nobody_waits_longer_for_a_worker_than_allowed(service: ServiceInThread):
    service.take(SLEEP, max_request_wait_ms=200)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(service.score, "1")
        time.sleep(0.2)
        begin = time.monotonic()
        second = service.score("0")
        assert time.monotonic() - begin < 0.8
        assert (second.status, "200 ms" in json.loads(second.body)["message"]) == (503, True)
        assert first.result().status == 200


def test_a_client_that_has_gone_is_not_scored(service: ServiceInThread):
    service.take(
        "import time\ndef init(): pass\ndef run(data):\n    print('ran', data)\n    time.sleep(0.5)\n    return 1"
    )
    with ThreadPoolExecutor() as pool:
        first = pool.submit(service.score, '"first"')
        time.sleep(0.2)
        gone = http.client.HTTPConnection("127.0.0.1", service.port)
        gone.request("POST", "/score", '"gone"')
        time.sleep(0.1)
        gone.close()
        assert first.result().status == 200
        assert service.score('"last"').status == 200
    assert 'ran "last"' in service.log
    assert 'ran "gone"' not in service.log


def test_waiting_requests_are_scored_together(service: ServiceInThread):
    service.take(BATCH, max_batch_size=4)
    with ThreadPoolExecutor(12) as pool:
        slow = pool.submit(service.score, '"slow"')
        time.sleep(0.2)
        results = [result_of(each) for each in pool.map(service.score, [str(number) for number in range(6)])]
        assert result_of(slow.result()) == ["single", "slow"]
    assert [each[-1] for each in results] == list(range(6))
    assert {tuple(each[:2]) for each in results} == {("batch", 4), ("batch", 2)}


@pytest.mark.parametrize("bad", ['"bad"', '"few"'])
def test_a_batch_that_fails_is_scored_one_by_one(service: ServiceInThread, bad: str):
    service.take(BATCH, max_batch_size=8)
    with ThreadPoolExecutor(8) as pool:
        pool.submit(service.score, '"slow"')
        time.sleep(0.2)
        results = [result_of(each) for each in pool.map(service.score, ["1", bad, "2"])]
    assert results == [["single", 1], ["single", json.loads(bad)], ["single", 2]]


def test_a_worker_that_leaks_is_replaced_and_no_request_lost(service: ServiceInThread):
    service.take(
        "kept = []\ndef init(): pass\ndef run(data):\n    kept.append(b'x' * int(data))\n    return len(kept)",
        memory_bytes=150_000_000,
    )
    wait_until(lambda: service.score("10000000").status == 200 and service.service.restarts >= 1)
    assert service.score("1").status == 200
    assert service.service.trouble.code == "MemoryExceeded"
    assert "memory_gb" in service.service.trouble.hint
    assert "is replaced" in service.log


def test_workers_that_do_not_stay_alive_are_told_of_and_started_ever_more_slowly(service: ServiceInThread):
    service.take(
        "import os, threading\ndef init(): threading.Timer(0.05, os._exit, [9]).start()\ndef run(data): return 1"
    )
    wait_until(lambda: service.service.trouble is not None)
    assert service.service.trouble.code == "WorkersEnd"
    assert "exit code 9" in service.service.trouble.message
    before = service.service.restarts
    time.sleep(1)
    assert service.service.restarts - before <= 4


def test_a_request_that_kills_workers_does_not_take_the_service_with_it(service: ServiceInThread):
    service.take(
        "import os\ndef init(): pass\ndef run(data):\n    return os._exit(1) if 'die' in data else data", worker_count=2
    )
    answer = service.score('"die"')
    assert answer.status == 500
    assert "ended without an answer" in json.loads(answer.body)["message"]
    assert service.score('"live"').status == 200
    assert service.service.restarts == 2


def test_death_is_noticed_though_a_child_of_the_worker_holds_its_socket(service: ServiceInThread):
    service.take(
        "import os, time\ndef init():\n    if os.fork() == 0:\n        time.sleep(60)\n        os._exit(0)\n"
        "def run(data): return os.getpid()"
    )
    worker = int(str(result_of(service.score())))
    os.kill(worker, signal.SIGKILL)
    assert result_of(service.score()) != worker


def test_workers_keep_to_the_cores_that_they_were_given(service: ServiceInThread):
    service.take(
        "import os\ndef init(): pass\ndef run(data):\n"
        "    return [len(os.sched_getaffinity(0)), os.environ.get('OMP_NUM_THREADS')]",
        cpu_cores=0.1,
    )
    available = len(os.sched_getaffinity(0))
    assert result_of(service.score()) == ([1, "1"] if available > 1 else [1, None])


def test_figures_count_answers_and_tell_them_as_prometheus_reads_them(service: ServiceInThread):
    service.take(says("x"))
    service.score()
    service.ask("GET", "/nothing")
    service.ask("GET", "/")
    figures = service.service.figures
    assert figures.answers == {200: 1, 404: 1}
    text = figures.prometheus('my "service"')
    assert 'terrazul_service_answers_total{service="my \\"service\\"",status="200"} 1' in text
    assert 'terrazul_service_seconds_count{service="my \\"service\\""} 2' in text
    assert "terrazul_service_workers_ready" in text


def test_closing_finishes_what_is_being_scored(tmp_path: Path):
    service = ServiceInThread(tmp_path / "own")
    service.take(SLEEP)
    port = service.port
    with ThreadPoolExecutor() as pool:
        running = pool.submit(ask, port, "POST", "/score", "0.5")
        time.sleep(0.2)
        service.close()
        assert running.result().status == 200
    with pytest.raises(OSError, match="refused"):
        ask(port, "GET", "/")


def test_models_of_the_open_inference_protocol(service: ServiceInThread):
    service.take(
        "import json\ndef init(): pass\ndef run(data):\n    data = json.loads(data)\n"
        "    return [sum(row) for row in data['data']] if 'data' in data else data"
    )
    tensor = {"name": "x", "shape": [2, 2], "datatype": "FP64", "data": [1, 2, 3, 4.5]}
    answer = service.ask("POST", "/v2/models/model/infer", json.dumps({"id": "7", "inputs": [tensor]}))
    assert json.loads(answer.body) == {
        "model_name": "model", "model_version": "1", "id": "7",
        "outputs": [{"name": "output-0", "datatype": "FP64", "shape": [2], "data": [3, 7.5]}],
    }  # fmt: skip
    two = [{**tensor, "name": name} for name in ("a", "b")]
    answer = service.ask("POST", "/v2/models/model/versions/1/infer", json.dumps({"inputs": two}))
    assert [each["name"] for each in json.loads(answer.body)["outputs"]] == ["a", "b"]
    wrong = service.ask("POST", "/v2/models/model/infer", '{"inputs": [{"name": "x", "shape": [9], "data": [1]}]}')
    assert (wrong.status, "9" in json.loads(wrong.body)["error"]) == (400, True)
    for path in ("/v2/health/live", "/v2/health/ready", "/v2/models/model", "/v2/models/model/ready"):
        assert service.ask("GET", path).status == 200
    for path in ("/v2/models/other", "/v2/models/model/versions/2", "/v2/models/model/nothing", "/v2"):
        assert service.ask("GET", path).status == 404


def test_invocations_are_scores(service: ServiceInThread):
    service.take("def init(): pass\ndef run(data): return data")
    assert result_of(service.ask("POST", "/invocations", "abc", {"Content-Type": "application/json"})) == "abc"
