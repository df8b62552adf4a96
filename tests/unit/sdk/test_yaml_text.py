"""Our YAML reader and writer against PyYAML."""

import math
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from terrazul.core.errors import InvalidInput
from terrazul.sdk import yaml_text

printable = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"))
texts = (
    printable
    | st.text("abn:#-?&*!|>'\"%@`{}[], \n\t\\/=0123456789.~eE+_")
    | st.sampled_from(
        ["yes", "off", "null", "~", "1e3", "1.5e+3", "0o7", "017", "0x1F", "1:30", "1:30.5", "2024-01-02",
         "---", "...", "- a", "a: b", "=", "<<"]
    )
)  # fmt: skip
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts | st.dates()
keys = texts.filter(lambda text: 0 < len(text) < 100 and "\n" not in text) | st.integers() | st.booleans()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


@given(values)
@settings(max_examples=300, deadline=None)
def test_what_we_write_both_read(value: Any):
    text = yaml_text.dump(value)
    assert yaml_text.load(text) == value
    assert yaml.safe_load(text) == value


@given(values, st.sampled_from([False, True, None]), st.sampled_from([20, 80, 1000]), st.integers(2, 4), st.booleans())
@settings(max_examples=400, deadline=None)
def test_what_pyyaml_writes_we_read(value: Any, flow: bool, width: int, indent: int, unicode: bool):
    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, _: Any) -> bool:
            return True

    text = yaml.dump(
        value, Dumper=Plain, default_flow_style=flow, width=width, indent=indent, allow_unicode=unicode, sort_keys=False
    )
    assert yaml_text.load(text) == yaml.safe_load(text)


pieces = st.sampled_from(
    ["a", "b c", ":", ": ", "- ", "\n", "\n  ", "\n    ", "\n\n", "[", "]", "{", "}", ", ", ",", '"', "'", "#", " # x",
     "|", ">", "|-\n", ">+\n", "1", "0.5", "yes", "~", "-", "?", "\\n", " ", "key: v\n", "- i\n", "---", "..."]
)  # fmt: skip


@given(st.lists(pieces, max_size=12).map("".join))
@settings(max_examples=1500, deadline=None)
def test_any_text_is_read_as_pyyaml_does_or_refused(text: str):
    try:
        expected = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, TypeError):
        return
    try:
        found = yaml_text.load(text)
    except InvalidInput as error:
        assert "line" in error.message  # noqa: PT017  # a refusal is allowed; it must say where
        return
    assert found == expected


@pytest.mark.parametrize(
    "text",
    ["1", "-1", "+1", "0", "00", "017", "0b11", "0x1F", "1_000", "190:20:30", "1.", ".5", "1.5e+3", "1e3",
     "190:20:30.15",     ".inf", "-.INF", "true", "Yes", "OFF", "null", "~", "", "2024-01-02", "2024-01-02T03:04:05Z",
     "2024-1-2 3:04:05.123 -5",
     "2024-01-02 03:04:05 +05:30", "python=3.8", "1.2.3", "0o7", "n", "y", "+", "1__0", "-0b1", "-0x1f", "0_"],
)  # fmt: skip
def test_plain_scalar_means_what_pyyaml_says(text: str):
    assert yaml_text.load("key: " + text) == yaml.safe_load("key: " + text)


def test_not_a_number_is_read():
    assert math.isnan(yaml_text.load("a: .nan")["a"])
    assert math.isnan(yaml.safe_load(yaml_text.dump({"a": math.nan}))["a"])


CONDA = """\
# A conda file as people write them
name: project_environment   # trailing comment
channels: [anaconda, "conda-forge"]
dependencies:
  # Python first
  - python=3.8.13
  - scikit-learn>=0.24,<1.0
  - "pytorch::pytorch=1.6"
  - pip:
    - azureml-defaults~=1.61.0
    - --extra-index-url https://example.org/simple/   # an option
    - git+https://example.org/x.git#egg=x
prefix:
description: >-
  several lines
  folded

  and a paragraph
script: |
  echo "a: b"
    indented # not a comment
"""


def test_conda_file_is_read():
    assert yaml_text.load(CONDA) == yaml.safe_load(CONDA)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a: &x 1", 1, "anchors"),
        ("a: 1\nb: *x", 2, "aliases"),
        ("a: !!str 1", 1, "tags"),
        ("? a\n: b", 1, "complex keys"),
        ("a:\n\tb: 1", 2, "tabs"),
        ("a: 1\n  b: 2", 2, "expected"),
        ("a:\n    b: 1\n  c: 2", 3, "indentation"),
        ("a: [1, 2", 2, "closed"),
        ('a: "x', 2, "closed"),
        ("a: 1\n---\nb: 2", 3, "one document"),
        ("a: 'x' y", 1, "expected"),
        ("a: \x07", 1, "not allowed"),
        ("a: 2024-13-45", 1, "not a valid"),
        ("[" * 200, 1, "deeper"),
        ('a: "\\q"', 1, "escape"),
    ],
)
def test_what_is_not_read_is_refused_with_line_and_reason(text: str, line: int, reason: str):
    with pytest.raises(InvalidInput, match=f"conda.yml cannot be read: line {line}: .*{reason}"):
        yaml_text.load(text, "conda.yml")


def test_other_types_are_not_written():
    with pytest.raises(TypeError, match="object cannot be written"):
        yaml_text.dump({"a": object()})
