"""Which interpreter, and what to build."""

import sys

import pytest

from terrazul.core.errors import UserErrorException
from terrazul.node.environment import interpreter, plan
from terrazul.wire.environment import EnvironmentDefinition

OWN = f"python={sys.version_info[0]}.{sys.version_info[1]}"


def built(*dependencies: object, strict: bool = False) -> plan.Plan:
    content = {"dependencies": list(dependencies)}
    return plan.resolve(EnvironmentDefinition(name="e", conda_dependencies=content, strict=strict))


def key(*dependencies: object) -> str:
    recipe = built(*dependencies).recipe
    assert recipe
    return recipe.key


def test_python_means_the_one_that_runs_terrazul():
    chosen = plan.resolve(EnvironmentDefinition(user_managed=True))
    assert (chosen.python.path, chosen.recipe) == (sys.executable, None)


def test_equal_contents_are_one_environment():
    assert key(OWN, "six", {"pip": ["attrs", "azureml-core"]}) == key(OWN, {"pip": ["attrs", "six", "azureml-sdk"]})
    assert key(OWN, "six") != key(OWN, "six=1.16")
    assert key(OWN, {"pip": ["six"]}) != key(OWN, {"pip": ["six", "-f https://a/b"]})


def test_python_that_is_here_is_taken_quietly():
    chosen = built(OWN + ".1")
    assert chosen.python.version == sys.version_info[:2]
    assert (chosen.warnings, chosen.properties) == ([], {})


def test_python_that_is_not_here_gives_way_to_the_nearest_for_pinned_packages():
    chosen = built("python=3.99", "six=1.16.0")
    assert chosen.python.version == max(each.version for each in interpreter.installed())
    assert built("python=2.7", {"pip": ["six==1.16.0"]}).python.version == min(
        each.version for each in interpreter.installed()
    )


def test_python_that_is_not_here_gives_way_to_ours_loudly():
    chosen = built("python=3.99", "six")
    assert chosen.python.version == sys.version_info[:2]
    assert "3.99" in chosen.warnings[0]
    used = chosen.python.version_text
    assert chosen.properties == {"terrazul.python.requested": "3.99", "terrazul.python.used": used}


def test_strict_definition_refuses_another_python():
    with pytest.raises(UserErrorException, match=r"Python 3\.99") as refused:
        built("python=3.99", strict=True)
    assert OWN.partition("=")[2] in str(refused.value.hint)


@pytest.mark.parametrize("name", ["python2.99", "/nowhere/python", "-c", "sh", "/etc/passwd"])
def test_interpreter_that_is_none_is_refused(name: str):
    with pytest.raises(UserErrorException) as refused:
        plan.resolve(EnvironmentDefinition(user_managed=True, interpreter_path=name))
    assert "Found here" in str(refused.value.hint)


def test_docker_is_told_of():
    chosen = plan.resolve(EnvironmentDefinition(user_managed=True, docker={"enabled": True}))
    assert any("docker is not used" in note for note in chosen.notes)
