"""The head of an answer: ids, the script's headers, and nothing that a header could smuggle in."""

import uuid
from types import SimpleNamespace

import pytest

from terrazul.scoring.request import Request, render
from terrazul.scoring.worker.frames import Answer, Flag


def request(target: str = "/score", method: str = "POST") -> Request:
    return Request(SimpleNamespace(), method, target)  # type: ignore[arg-type]  # the connection is not looked at


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/score", "/score", ""),
        ("/score?a=1?b", "/score", "a=1?b"),
        ("/%73core", "/score", ""),
        ("http://host:1/score?x", "/score", "x"),
        ("http://host", "/", ""),
        ("*", "/", ""),
        ("/a%0Ab", "/a\nb", ""),
    ],
)
def test_target_is_taken_apart(target: str, path: str, query: str):
    assert (request(target).path, request(target).query) == (path, query)


def test_made_ids_are_uuids_and_differ():
    made = []
    for _ in range(200):
        one = request()
        assert one.take_ids() == ""
        made.append(one.request_id.decode())
    assert len(set(made)) == 200
    assert all(str(uuid.UUID(each)) == each and uuid.UUID(each).version == 4 for each in made)


def test_headers_of_the_script_begin_no_lines_of_their_own():
    answer = Answer(200, b"x", Flag.BARE, headers=(("X-A", "b\r\nSet-Cookie: c"), ("X\nY", "é☃")))
    head = render(request(), answer, b"").partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert b"X-A: b  Set-Cookie: c" in head
    assert b"X Y: \xe9?" in head
    assert not [line for line in head if line.startswith(b"Set-Cookie")]


def test_answer_to_head_has_no_body():
    assert render(request(method="HEAD"), Answer(200, b"body"), b"").endswith(b"Content-Length: 4\r\n\r\n")


def test_unknown_status_has_a_line_of_its_own():
    assert render(request(), Answer(418, b""), b"").startswith(b"HTTP/1.1 418 ")
