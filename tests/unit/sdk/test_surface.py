"""The SDK's classes against v1's surface: every public member is there, with v1's parameters."""

import enum
import importlib
import inspect
from typing import List

import pytest

from terrazul.compatibility import surface
from terrazul.compatibility.surface import Kind, Member
from terrazul.sdk.unsupported import MARK

HOMES = {
    "azureml.core.authentication": "terrazul.sdk.authentication",
    "azureml.core.conda_dependencies": "terrazul.sdk.conda_dependencies",
    "azureml.core.container_registry": "terrazul.sdk.container_registry",
    "azureml.core.databricks": "terrazul.sdk.databricks",
    "azureml.core.environment": "terrazul.sdk.environment",
    "azureml.core.experiment": "terrazul.sdk.experiment",
    "azureml.core.model": "terrazul.sdk.model",
    "azureml.core.resource_configuration": "terrazul.sdk.resource_configuration",
    "azureml.core.run": "terrazul.sdk.run",
    "azureml.core.runconfig": "terrazul.sdk.run_configuration",
    "azureml.core.script_run": "terrazul.sdk.run",
    "azureml.core.script_run_config": "terrazul.sdk.script_run_config",
    "azureml.core.workspace": "terrazul.sdk.workspace",
    "azureml.telemetry": "terrazul.sdk.telemetry",
    "azureml.widgets.run_details": "terrazul.sdk.widget",
}
OTHERWISE = {
    "azureml.core.model.InferenceConfig": "deployments come with a later capability",
    "azureml.core.model.ModelPackage": "deployments come with a later capability",
    "azureml.core.run.InputDatasets": "datasets come with a later capability",
    "azureml.core.run.OutputDatasets": "datasets come with a later capability",
    "azureml.core.run.LinkOutput": "datasets come with a later capability",
    "azureml.telemetry.UserErrorException": "it is the error of core.errors",
    "azureml.core.run.Run.input_datasets": "only the run of get_context has them",
    "azureml.core.run.Run.output_datasets": "only the run of get_context has them",
    "azureml.core.conda_dependencies.PYTHON_DEFAULT_VERSION": "that of the submitting interpreter",
    "azureml.core.conda_dependencies.CondaDependencies.create": "its default Python is the submitting interpreter's",
    "azureml.core.run._OfflineRun.__init__": "v1's own parameters are private",
    "azureml.core.run._SubmittedRun.__init__": "v1's own parameters are private",
    "azureml.core.runconfig.DockerConfiguration.__init__": "v1 shares one list between all objects",
    "azureml.core.workspace.Workspace.DEFAULT_CPU_CLUSTER_CONFIGURATION": "clusters come with a later capability",
    "azureml.core.workspace.Workspace.DEFAULT_GPU_CLUSTER_CONFIGURATION": "clusters come with a later capability",
}
SYMBOLS = {
    "ViewType.ActiveOnly": "'ActiveOnly'",
    "MAX_DURATION_SECONDS_DEFAULT": "2592000",
    "logging.INFO": "20",
}
"""Defaults that the facts name instead of writing their value."""

MODULES_OF_CLASSES = {"_OfflineRun": "terrazul.sdk.offline_run", "_SubmittedRun": "terrazul.sdk.submitted_run"}
CLASSES = [
    (home, class_name)
    for home in HOMES
    for class_name in surface.module(home).classes  # type: ignore[union-attr]  # all are there
    if f"{home}.{class_name}" not in OTHERWISE
]


@pytest.mark.parametrize(("home", "class_name"), CLASSES)
def test_class_has_the_members_and_parameters_of_v1(home: str, class_name: str):
    expected = surface.module(home).classes[class_name]
    ours = getattr(importlib.import_module(MODULES_OF_CLASSES.get(class_name, HOMES[home])), class_name)
    problems = [
        problem
        for name, member in expected.members.items()
        if f"{home}.{class_name}.{name}" not in OTHERWISE
        for problem in _problems(ours, name, member)
    ]
    assert problems == []


@pytest.mark.parametrize("home", HOMES)
def test_module_has_the_functions_and_constants_of_v1(home: str):
    ours = importlib.import_module(HOMES[home])
    expected = surface.module(home)
    for name, member in {**expected.functions, **expected.constants}.items():
        if f"{home}.{name}" in OTHERWISE:
            continue
        assert hasattr(ours, name), name
        if member.has_value:
            assert getattr(ours, name) == member.value
        if member.kind.is_called:
            assert _parameters_of(getattr(ours, name)) == _split(member.parameters)


def _problems(ours: type, name: str, member: Member) -> List[str]:
    is_set_by_init = member.kind is Kind.ATTRIBUTE or name in getattr(ours, "__dataclass_fields__", {})
    if inspect.getattr_static(ours, name, None) is None:
        return [] if is_set_by_init else [f"{name} is missing"]
    attribute = getattr(ours, name)
    if getattr(attribute, MARK, False):
        return []
    value = attribute.value if isinstance(attribute, enum.Enum) else attribute
    if member.has_value and member.kind is Kind.CONSTANT and value != member.value:
        return [f"{name} is {attribute!r}, not {member.value!r}"]
    if member.kind.is_called and _parameters_of(attribute) != _split(member.parameters):
        return [f"{name}({', '.join(_parameters_of(attribute))}) should be ({member.parameters})"]
    return []


def _split(parameters: str) -> List[str]:
    """The parameters of a signature, each as ``name`` or ``name=default``."""
    for symbol, value in SYMBOLS.items():
        parameters = parameters.replace(f"={symbol}", f"={value}")
    return [each for each in parameters.split(", ") if each]


def _parameters_of(called: object) -> List[str]:
    texts = []
    for parameter in inspect.signature(called).parameters.values():
        if parameter.name in {"self", "cls"}:
            continue
        star = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        written = str if isinstance(parameter.default, enum.Enum) else repr
        default = "" if parameter.default is parameter.empty else f"={written(parameter.default)}"
        texts.append(star + parameter.name + default)
    return texts
