"""What a raw entry script imports, by every name that v1 had for it."""

import subprocess
import sys
from pathlib import Path

import pytest

from azureml.contrib.services.aml_response import AMLResponse
from azureml_inference_server_http.api.aml_response import AMLResponse as ServersResponse

SOURCE = Path(__file__).parents[3] / "src"
PLACES = ["azureml.contrib.services.aml_request", "azureml_inference_server_http.api.aml_request"]


@pytest.mark.parametrize("place", PLACES)
def test_decorating_switches_the_process_whatever_the_import(place: str):
    program = (
        f"from {place} import rawhttp\nfrom terrazul.sdk import raw_http\n"
        "assert not raw_http.requested\n@rawhttp\ndef other(): return 5\nassert raw_http.requested and other() == 5"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("place", PLACES)
def test_asking_needs_no_flask(place: str):
    program = f"import sys; sys.path.insert(0, {str(SOURCE)!r}); from {place} import rawhttp"
    subprocess.run([sys.executable, "-S", "-c", program], check=True)


def test_both_names_are_one_class():
    assert AMLResponse is ServersResponse


def test_response_without_message_is_an_empty_object():
    answer = AMLResponse(None, 200)
    assert (answer.get_data(), answer.mimetype) == (b"{}", "application/json")
    assert answer.headers["x-ms-run-function-failed"] == "False"


def test_response_is_written_as_json_where_asked():
    assert AMLResponse({"a": 1}, 201, json_str=True).get_data() == b'{"a": 1}'
    assert AMLResponse("text", 200).get_data() == b"text"


def test_commas_in_a_header_make_several_and_the_content_type_is_the_scripts():
    answer = AMLResponse(b"x", 500, {"Content-Type": "image/jpeg", "X-A": "1, 2"}, run_function_failed=True)
    assert answer.headers.getlist("Content-Type") == ["image/jpeg"]
    assert answer.headers.getlist("X-A") == ["1", "2"]
    assert answer.headers["x-ms-run-function-failed"] == "True"
