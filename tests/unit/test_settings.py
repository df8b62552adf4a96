"""Settings from options and variables."""

import argparse
from dataclasses import fields

import pytest

from terrazul.core.errors import InvalidInput
from terrazul.core.settings import Settings, add_options, from_environment, to_arguments, variable_of


def test_variables_count_and_options_win():
    settings = from_environment(
        {"TERRAZUL_PORT": "1", "TERRAZUL_SHARED": "yes", "TERRAZUL_HOST": "::1"}, port=2, host=None
    )
    assert (settings.port, settings.shared, settings.host) == (2, True, "::1")


def test_what_a_line_says_can_be_said_again():
    parser = argparse.ArgumentParser()
    add_options(parser)
    line = ["--port", "9", "--shared", "--host", "::1"]
    assert sorted(to_arguments(vars(parser.parse_args(line)))) == sorted(line)
    assert to_arguments(vars(parser.parse_args([]))) == []


@pytest.mark.parametrize(
    ("name", "text"), [("port", "x"), ("port", "65536"), ("port", "-1"), ("shared", "maybe"), ("log_limit", "1e9")]
)
def test_wrong_value_names_its_variable(name: str, text: str):
    with pytest.raises(InvalidInput, match=variable_of(name)):
        from_environment({variable_of(name): text})


@pytest.mark.parametrize("setting", fields(Settings), ids=lambda each: each.name)
def test_every_setting_is_described(setting: "argparse.Namespace"):
    assert setting.metadata["help"].endswith(".")
