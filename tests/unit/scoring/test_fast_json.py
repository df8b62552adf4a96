"""The fast reader of JSON gives exactly what the standard library gives, its errors included."""

import json
import math
import sys
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from terrazul.scoring.worker import fast_json

STANDARD = json.loads
FAST = fast_json.faster(STANDARD, orjson.loads)
PADDING = " " * 64
"""Makes a text long enough for the fast way to be taken."""

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(2**70), max_value=2**70)
    | st.floats()
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
numbers = st.from_regex(r"\A-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,4})?\Z")
rubbish = st.text(alphabet='[]{}",:.eE+-0123456789 \\utrfalsnINy\x00\ud800\ufeffé')


def outcome(read: Callable[[Any], Any], text: Any) -> Any:
    try:
        return shown(read(text))
    except Exception as error:  # noqa: BLE001  # whichever it is, both must raise it
        return type(error), str(error)


def shown(value: Any) -> Any:
    """The value with its types, so that 1 and 1.0 and True, 0.0 and -0.0 differ, and NaN equals itself."""
    if isinstance(value, dict):
        return "dict", [(key, shown(each)) for key, each in value.items()]
    if isinstance(value, list):
        return "list", [shown(each) for each in value]
    if isinstance(value, float):
        return "float", "nan" if math.isnan(value) else value.hex()
    return type(value).__name__, value


@settings(max_examples=200)
@given(values, st.booleans())
def test_what_json_wrote_is_read_alike(value: Any, ascii_only: bool):
    text = json.dumps([value], ensure_ascii=ascii_only) + PADDING
    assert outcome(FAST, text) == outcome(STANDARD, text)


@settings(max_examples=200)
@given(numbers)
@example("-0")
@example("-0.0")
@example("1e400")
@example("9223372036854775807")
@example("18446744073709551615")
@example("18446744073709551616")
@example("-9223372036854775809")
@example("0.00123456789012345678901234567890")
@example("2.2250738585072011e-308")
@example("4.9406564584124654e-324")
@example("1.7976931348623158e308")
def test_numbers_are_read_alike(number: str):
    for text in (f"[{number}]{PADDING}", f'{{"a": {number}, "b": [1, {number}]}}{PADDING}'):
        assert outcome(FAST, text) == outcome(STANDARD, text)


@settings(max_examples=200)
@given(rubbish)
@example('["\\ud800"]')
@example('{"a": 1, "a": 2}')
@example("[NaN, Infinity, -Infinity]")
@example('["\x01"]')
@example("\ufeff[1]")
@example("[" * 2000 + "]" * 2000)
def test_texts_of_any_kind_are_read_alike(text: str):
    for each in (f"[{text}]{PADDING}", text + PADDING, text):
        assert outcome(FAST, each) == outcome(STANDARD, each)


@given(st.binary())
@example(b"\xef\xbb\xbf[1]")
@example('["é"]'.encode("utf-16"))
@example(b'["\xff"]')
def test_bytes_are_read_alike(data: bytes):
    for each in (
        data + PADDING.encode(),
        bytearray(b"[1, 2]" + PADDING.encode()),
        b"[" + data + b"]" + PADDING.encode(),
    ):
        assert outcome(FAST, each) == outcome(STANDARD, each)


@pytest.mark.parametrize("given", [None, 5, object, [1], ["x" * 100], {"a": 1}])
def test_what_is_no_text_is_refused_alike(given: Any):
    assert outcome(FAST, given) == outcome(STANDARD, given)


def test_options_are_the_standard_librarys_affair():
    text = '{"a": 1.5}' + PADDING
    assert FAST(text, parse_float=str) == {"a": "1.5"}


def test_rows_of_floats_take_the_fast_way():
    taken: list[bytes] = []

    def quick(data: bytes) -> Any:
        taken.append(data)
        return orjson.loads(data)

    read = fast_json.faster(STANDARD, quick)
    text = json.dumps({"data": [[math.sin(row + 1) * 10**-power for power in range(10)] for row in range(100)]})
    assert read(text) == STANDARD(text)
    assert len(taken) == 1


def test_it_is_left_out_without_orjson(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "orjson", None)
    monkeypatch.setattr(json, "loads", STANDARD)
    assert not fast_json.install()
    assert json.loads is STANDARD
