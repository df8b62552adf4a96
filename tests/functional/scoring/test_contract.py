"""What a client sees of a service: v1's contract, point by point."""

import json
import re
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from terrazul.testing.scoring import RunningService, serve_until_it_ends
from terrazul.testing.server import Answer

Serve = Callable[..., RunningService]

PLAIN = "def init(): pass\ndef run(data):\n    return {'type': type(data).__name__, 'data': data}"
RESULTS = """
import json
import numpy

def init(): pass

def run(data):
    return {
        "none": lambda: None,
        "nan": lambda: [float("nan"), float("inf")],
        "unicode": lambda: "h\\u00e9\\u4e2d",
        "dumps": lambda: json.dumps({"a": 1}),
        "array": lambda: numpy.array([1, 2]),
        "scalar": lambda: numpy.int64(1),
        "float": lambda: numpy.float64(1.5),
        "set": lambda: {1},
        "raise": lambda: 1 / 0,
    }[json.loads(data)]()
"""
HEADERS = (
    "def init(): pass\ndef run(data, request_headers):\n    return [type(request_headers).__name__, request_headers]"
)
RAW = """
from azureml.contrib.services.aml_request import AMLRequest, rawhttp
from azureml.contrib.services.aml_response import AMLResponse
from flask import jsonify

def init(): pass

@rawhttp
def run(request):
    answer = request.args.get("answer")
    if answer == "failure":
        return AMLResponse("bad", 503)
    if answer == "image":
        return AMLResponse(b"\\x89PNG", 200, {"Content-Type": "image/png", "X-Two": "a, b"})
    if answer == "flask":
        return jsonify(ok=True)
    files = {name: file.read().decode() for name, file in request.files.items()}
    return {
        "method": request.method, "args": request.args.to_dict(flat=False), "form": request.form.to_dict(),
        "files": files, "body": request.get_data(as_text=True), "mine": request.headers.get("X-My"),
        "length": request.content_length,
    }
"""
SCHEMA = """
import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema

def init(): pass

@input_schema("data", NumpyParameterType(np.array([[1.0, 2.0]])))
@input_schema("flag", StandardPythonParameterType(True))
@output_schema(NumpyParameterType(np.array([1.0])))
def run(data, flag=False):
    return [*data.sum(axis=1).tolist(), flag]
"""
MIXED = """
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema

def init(): pass

@input_schema("data", StandardPythonParameterType([1, "a"]))
def run(data):
    return data
"""
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
FAILED = "x-ms-run-function-failed"
TIME = "x-ms-run-fn-exec-ms"
IDS = ("x-request-id", "x-ms-request-id", "x-ms-client-request-id")


def message_of(answer: Answer) -> str:
    return json.loads(answer.body)["message"]


def ids_of(answer: Answer) -> tuple[str | None, ...]:
    return tuple(answer.headers.get(name) for name in IDS)


@pytest.fixture(scope="module")
def plain(serve: Serve) -> RunningService:
    return serve(PLAIN)


@pytest.fixture(scope="module")
def results(serve: Serve) -> RunningService:
    return serve(RESULTS)


@pytest.fixture(scope="module")
def raw(serve: Serve) -> RunningService:
    return serve(RAW)


@pytest.fixture(scope="module")
def schema(serve: Serve) -> RunningService:
    return serve(SCHEMA)


def test_health_is_a_word(plain: RunningService):
    answer = plain.ask("GET", "/")
    assert (answer.status, answer.body) == (200, b"Healthy")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert FAILED not in answer.headers
    assert uuid.UUID(answer.headers["x-request-id"])


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "", "image/png"])
def test_undecorated_run_gets_a_text_whatever_the_content_type(plain: RunningService, kind: str):
    answer = plain.ask("POST", "/score", '{"a": "é"}', {"Content-Type": kind} if kind else {})
    assert json.loads(answer.body) == {"type": "str", "data": '{"a": "é"}'}


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=x"])
def test_forms_give_run_an_empty_text(plain: RunningService, kind: str):
    answer = plain.ask("POST", "/score", "a=1&b=2", {"Content-Type": kind})
    assert json.loads(answer.body) == {"type": "str", "data": ""}


def test_bodies_that_are_no_text_are_refused(plain: RunningService):
    answer = plain.ask("POST", "/score", b"\xff\xfe", JSON)
    assert answer.status == 400
    assert message_of(answer).startswith("Input cannot be decoded as UTF-8")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {}),
        ("?a=1&b=[1,2]&c=x&d=null", {"a": 1, "b": [1, 2], "c": "x", "d": None}),
        ("?a=1&a=x", {"a": [1, "x"]}),
        ("?a=&b", {"a": "", "b": ""}),
        ("?a=%7B%22x%22%3A1%7D&g=a+b", {"a": {"x": 1}, "g": "a b"}),
        ("?%C3%A9=%E4%B8%AD", {"é": "中"}),
    ],
)
def test_queries_become_a_json_text(plain: RunningService, query: str, expected: object):
    given = json.loads(plain.ask("GET", f"/score{query}").body)
    assert given["type"] == "str"
    assert json.loads(given["data"]) == expected


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("none", b"{}"),
        ("nan", b"[NaN, Infinity]"),
        ("unicode", b'"h\\u00e9\\u4e2d"'),
        ("dumps", b'"{\\"a\\": 1}"'),
        ("float", b"1.5"),
    ],
)
def test_results_are_written_as_json_once_more(results: RunningService, what: str, body: bytes):
    answer = results.score(json.dumps(what))
    assert (answer.status, answer.body) == (200, body)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers[FAILED] == "False"
    assert re.fullmatch(r"\d+\.\d{3}", answer.headers[TIME])


@pytest.mark.parametrize("what", ["array", "scalar", "set"])
def test_results_that_are_no_json_are_an_internal_error(results: RunningService, what: str):
    answer = results.score(json.dumps(what))
    assert answer.status == 500
    assert message_of(answer) == "An unexpected internal error occurred. Check the logs for more info."
    assert answer.headers[FAILED] == "False"
    assert TIME not in answer.headers


def test_run_that_raises_is_told_in_the_log_alone(results: RunningService):
    answer = results.score('"raise"')
    assert answer.status == 500
    assert message_of(answer) == "An unexpected error occurred in scoring script. Check the logs for more info."
    assert answer.headers[FAILED] == "True"
    assert TIME not in answer.headers
    results.wait_for("ZeroDivisionError")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("OPTIONS", "/score", 200),
        ("HEAD", "/score", 405),
        ("PUT", "/score", 405),
        ("DELETE", "/score", 405),
        ("POST", "/", 405),
        ("POST", "/swagger.json", 405),
        ("POST", "/score/", 404),
        ("GET", "/nothing", 404),
        ("HEAD", "/", 200),
    ],
)
def test_addresses_and_methods(plain: RunningService, method: str, path: str, status: int):
    answer = plain.ask(method, path, headers={"x-request-id": "mine"})
    assert answer.status == status
    if status == 200:
        assert answer.body == b""
    elif method != "HEAD":
        assert set(json.loads(answer.body)) == {"message"}
        assert ids_of(answer) == (None, None, None)
    assert answer.headers.get("content-length") is not None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"x-request-id": "r"}, ("r", "r", None)),
        ({"x-request-id": "r", "x-ms-request-id": "m"}, ("r", "m", "m")),
        ({"x-request-id": "r", "x-ms-client-request-id": "c"}, ("r", "c", "c")),
        ({"x-request-id": "r", "x-ms-request-id": "m", "x-ms-client-request-id": "c"}, ("r", "m", "c")),
        ({"x-request-id": "r" * 100}, ("r" * 100, "r" * 100, None)),
    ],
)
def test_request_ids_come_back(plain: RunningService, given: dict[str, str], expected: tuple[str | None, ...]):
    assert ids_of(plain.score("{}", given)) == expected


@pytest.mark.parametrize("name", IDS)
def test_ids_of_more_than_100_characters_are_refused(plain: RunningService, name: str):
    answer = plain.score("{}", {name: "x" * 101})
    assert answer.status == 431
    assert "must not exceed 100 characters" in message_of(answer)


def test_trace_id_comes_back(plain: RunningService):
    assert plain.score("{}", {"TraceId": "t"}).headers["traceid"] == "t"


def test_version_of_the_server_is_told_unless_switched_off(plain: RunningService, serve: Serve):
    assert plain.ask("GET", "/").headers["x-ms-server-version"].startswith("terrazul/")
    silent = serve(PLAIN, SERVER_VERSION_LOG_RESPONSE_ENABLED="false")
    assert "x-ms-server-version" not in silent.ask("GET", "/").headers


def test_headers_reach_a_run_that_asks_for_them(serve: Serve):
    given = {**JSON, "x-MY-thing": "a, b", "authorization": "Bearer k"}
    kind, headers = json.loads(serve(HEADERS).ask("POST", "/score", "{}", given).body)
    assert kind == "dict"
    assert (headers["X-My-Thing"], headers["Authorization"]) == ("a, b", "Bearer k")


def test_exit_in_run_ends_the_worker_and_not_the_service(serve: Serve):
    service = serve("import sys\ndef init(): pass\ndef run(data):\n    return sys.exit(1) if 'exit' in data else data")
    answer = service.score('"exit"')
    assert (answer.status, answer.headers["content-type"]) == (500, "text/html")
    assert b"<h1>" in answer.body
    assert not [name for name in answer.headers if name.startswith("x-ms-") and name != "x-ms-server-version"]
    assert service.score('"stay"').status == 200


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("def init(): pass", "run()"),
        ("def run(data): pass", "init()"),
        ("def init(): pass\ndef run(*args): pass", "*args"),
        ("def init(): pass\ndef run(**more): pass", "**kwargs"),
        ("def init(): pass\ndef run(data, /): pass", "positional-only"),
        ("def init(): pass\ndef run(): pass", "input data"),
        ("def init(): pass\ndef run(request_headers): pass", 'other than "request_headers"'),
        ("def init(): raise KeyError('the cause')\ndef run(data): pass", "the cause"),
        ("def init(:", "SyntaxError"),
        ("import nowhere.to_be_found", "nowhere"),
        ("import sys\nsys.exit(0)", "sys.exit(0)"),
        ("import os\ndef init(): os._exit(7)\ndef run(data): pass", "exit code 7"),
        ("import os\ndef init(): os.kill(os.getpid(), 9)\ndef run(data): pass", "SIGKILL"),
        ("import time\ndef init():\n    while True: time.sleep(9)\ndef run(data): pass", "time.sleep(9)"),
        (f"from azureml.contrib.services.aml_request import rawhttp\n{SCHEMA}\nrawhttp(run)", "both @rawhttp and"),
    ],
)
def test_scripts_that_cannot_serve_are_told_and_end_with_3(tmp_path: Path, script: str, told: str):
    ended = serve_until_it_ends(tmp_path, script, variables={"WORKER_TIMEOUT": "1"} if "sleep" in script else None)
    assert ended.returncode == 3
    assert told in ended.stderr
    assert "Ready" not in ended.stdout


def test_a_missing_script_is_told_with_what_is_there(tmp_path: Path):
    tmp_path.joinpath("scoring.py").write_text(PLAIN)
    ended = serve_until_it_ends(tmp_path, "", "--entry-script", "nope.py")
    assert ended.returncode == 3
    assert "'nope.py' is not there" in ended.stderr
    assert "scoring.py" in ended.stderr


def test_raw_run_gets_flasks_request(raw: RunningService):
    answer = json.loads(raw.ask("POST", "/score?a=1&a=2", "x=1", {**FORM, "X-My": "v"}).body)
    assert answer == {
        "method": "POST", "args": {"a": ["1", "2"]}, "form": {"x": "1"}, "files": {}, "body": "", "mine": "v",
        "length": 3,
    }  # fmt: skip
    answer = json.loads(raw.ask("GET", "/score").body)
    assert (answer["method"], answer["length"]) == ("GET", None)


def test_raw_run_gets_files(raw: RunningService):
    body = '--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\nhello\r\n--b--\r\n'
    answer = raw.ask("POST", "/score", body, {"Content-Type": "multipart/form-data; boundary=b"})
    assert json.loads(answer.body)["files"] == {"f": "hello"}


def test_raw_run_answers_options_itself(raw: RunningService):
    assert json.loads(raw.ask("OPTIONS", "/score").body)["method"] == "OPTIONS"


def test_responses_of_the_script_go_out_as_they_are(raw: RunningService):
    answer = raw.ask("GET", "/score?answer=image")
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"\x89PNG", "image/png")
    assert answer.headers[FAILED] == "False"
    failure = raw.ask("GET", "/score?answer=failure")
    assert (failure.status, failure.body, failure.headers[FAILED]) == (503, b"bad", "True")
    assert json.loads(raw.ask("GET", "/score?answer=flask").body) == {"ok": True}


def test_old_and_new_imports_of_raw_scripts_are_one(serve: Serve):
    script = (
        "from azureml_inference_server_http.api.aml_request import rawhttp\n"
        "from azureml_inference_server_http.api.aml_response import AMLResponse\n"
        "from azureml.contrib.services.aml_response import AMLResponse as Old\n"
        "def init(): assert Old is AMLResponse\n@rawhttp\ndef run(request): return AMLResponse(None, 201)"
    )
    answer = serve(script).score()
    assert (answer.status, answer.body) == (201, b"{}")


@pytest.mark.parametrize(
    ("body", "kind", "status", "expected"),
    [
        ('{"data": [[1, 2], [3, 4]], "flag": true}', "application/json", 200, [3.0, 7.0, True]),
        ('{"data": [[1, 2]]}', "application/json; charset=utf-8", 200, [3.0, False]),
        ('{"data": [[1, 2]], "more": 1}', "application/vnd.mine+json", 200, [3.0, False]),
        ('{"data": [[1, 2]]}', "text/plain", 415, "Expects Content-Type to be application/json"),
        ('{"data": [[1, 2]]}', "", 415, "Expects Content-Type to be application/json"),
        ('{"flag": true}', "application/json", 400, "A value is not provided for the 'data' parameter."),
        ("[1]", "application/json", 400, "POST body should be a JSON dictionary."),
        ("", "application/json", 400, "POST body is empty. Expecting a JSON dictionary."),
        ("{", "application/json", 400, "POST body could not be decoded as JSON"),
        ("[" * 100_000, "application/json", 400, "POST body could not be decoded as JSON"),
        ('{"data": [[1, 2, 3]]}', "application/json", 500, "unexpected error occurred in scoring script"),
        ('{"data": "x"}', "application/json", 500, "unexpected error occurred in scoring script"),
    ],
)
def test_schema(schema: RunningService, body: str, kind: str, status: int, expected: object):
    answer = schema.ask("POST", "/score", body, {"Content-Type": kind} if kind else {})
    assert answer.status == status, answer.body
    if status == 200:
        assert json.loads(answer.body) == expected
    else:
        assert str(expected) in message_of(answer)
        assert answer.headers[FAILED] == str(status == 500)


def test_schema_takes_its_parameters_from_the_query(schema: RunningService):
    assert json.loads(schema.ask("GET", "/score?data=[[1,2]]&flag=true").body) == [3.0, True]
    assert schema.ask("GET", "/score").status == 400


def test_swagger_2_is_the_default(schema: RunningService):
    document = json.loads(schema.ask("GET", "/swagger.json").body)
    assert document["swagger"] == "2.0"
    assert set(document["definitions"]["ServiceInput"]["properties"]) == {"data", "flag"}
    assert document == json.loads(schema.ask("GET", "/swagger.json?version=2.0").body)


@pytest.mark.parametrize(("version", "written"), [("3", "3.0.3"), ("3.0", "3.0.3"), ("3.1", "3.1.0")])
def test_swagger_3_is_there_on_demand(schema: RunningService, version: str, written: str):
    document = json.loads(schema.ask("GET", f"/swagger.json?version={version}").body)
    assert document["openapi"] == written
    assert "ServiceInput" in document["components"]["schemas"]


@pytest.mark.parametrize(("version", "told"), [("4", "is not valid"), ("", "is not valid")])
def test_unknown_versions_of_swagger_are_404(schema: RunningService, version: str, told: str):
    answer = schema.ask("GET", f"/swagger.json?version={version}")
    assert answer.status == 404
    assert told in message_of(answer)


def test_examples_of_mixed_types_have_no_swagger_2(serve: Serve):
    service = serve(MIXED)
    answer = service.ask("GET", "/swagger.json")
    assert answer.status == 404
    assert "Supported swagger versions: [3, 3.1]" in message_of(answer)
    assert service.ask("GET", "/swagger.json?version=3").status == 200


def test_prefix_changes_the_document_and_not_the_addresses(serve: Serve):
    service = serve(PLAIN, SERVICE_PATH_PREFIX="api/v1", SERVICE_NAME="mine", SERVICE_VERSION="7")
    document = json.loads(service.ask("GET", "/swagger.json").body)
    assert set(document["paths"]) == {"/api/v1/", "/api/v1/score", "/api/v1/swagger.json"}
    assert (document["info"]["title"], document["info"]["version"]) == ("mine", "7")
    assert service.ask("GET", "/api/v1/score").status == 404
    assert service.score().status == 200


def test_own_swagger_files_win(tmp_path: Path):
    for name, content in (("swagger.json", {"own": 2}), ("swagger3.json", {"own": 3})):
        tmp_path.joinpath(name).write_text(json.dumps(content))
    service = RunningService(tmp_path, PLAIN)
    try:
        assert json.loads(service.ask("GET", "/swagger.json").body) == {"own": 2}
        assert json.loads(service.ask("GET", "/swagger.json?version=3").body) == {"own": 3}
    finally:
        service.stop()


def test_driver_module_is_asked_and_the_outer_one_begun(tmp_path: Path):
    tmp_path.joinpath("inner.py").write_text("def init(): raise AssertionError\ndef run(data): return ['inner', STATE]")
    service = RunningService(
        tmp_path, "import inner as driver_module\ndef init(): driver_module.STATE = 'begun'\ndef run(*anything): pass"
    )
    try:
        assert json.loads(service.score().body) == ["inner", "begun"]
    finally:
        service.stop()


def test_print_goes_to_the_log(serve: Serve):
    service = serve("def init(): print('from init')\ndef run(data): print('from run', data)")
    service.score('"x"')
    service.wait_for('from run "x"')
    assert "from init" in service.log


def test_origins_are_allowed_as_named(serve: Serve):
    service = serve(PLAIN, AML_CORS_ORIGINS="https://a.example, https://b.example")
    preflight = {"Origin": "https://b.example", "Access-Control-Request-Method": "POST",
                 "Access-Control-Request-Headers": "authorization"}  # fmt: skip
    answer = service.ask("OPTIONS", "/score", headers=preflight)
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "https://b.example"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == "authorization"
    assert service.score("{}", {"Origin": "https://a.example"}).headers["access-control-allow-origin"]
    assert "access-control-allow-origin" not in service.score("{}", {"Origin": "https://c.example"}).headers


def test_without_origins_no_browser_is_let_in(plain: RunningService):
    assert "access-control-allow-origin" not in plain.score("{}", {"Origin": "https://a.example"}).headers
