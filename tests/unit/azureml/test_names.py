"""Every public name of v1 can be imported, and every member of every class is there."""

import ast
import importlib
import inspect
import textwrap

import pytest

import azureml.core
from azureml._restclient.constants import RunStatus
from azureml.exceptions import AzureMLException, UserErrorException
from azureml.mlflow import entry_point_loaders
from azureml.train.automl.exceptions import DataException, EarlyTerminationException
from azureml.train.hyperdrive.exceptions import HyperDriveConfigException
from terrazul.compatibility import surface
from terrazul.core import errors


def live(home: str):
    module, _, name = home.rpartition(".")
    return getattr(importlib.import_module(module), name)


def assigned_to_self(cls: type) -> set[str]:
    """The attributes that the methods of a class give to its objects."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError):  # a built-in base has no source
        return set()
    stores = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store))
    return {node.attr for node in stores if isinstance(node.value, ast.Name) and node.value.id == "self"}


def members_of(cls: type) -> set[str]:
    annotated = {name for base in cls.__mro__ for name in getattr(base, "__annotations__", {})}
    return {*dir(cls), *annotated, *(name for base in cls.__mro__ for name in assigned_to_self(base))}


def test_every_module_exports_its_names():
    for module in surface.modules():
        imported = importlib.import_module(module.name)
        missing = {name for name in module.homes() if not hasattr(imported, name)}
        assert not missing, f"{module.name} lacks {missing}"
        assert set(getattr(imported, "__all__", ())) <= {*module.homes(), *dir(imported)}


def test_name_is_the_same_thing_wherever_it_is_exported():
    for module in surface.modules():
        for name, home in module.homes().items():
            exported = getattr(importlib.import_module(module.name), name)
            assert exported is live(home) or exported == live(home), f"{module.name}.{name} is not {home}"


def test_every_member_of_every_class_exists():
    for module in surface.modules():
        for facts in module.classes.values():
            there = members_of(live(facts.home))
            missing = {name for name in facts.members if name not in there and not hasattr(live(facts.home), name)}
            assert not missing, f"{facts.home} lacks {missing}"


def test_star_import_brings_the_public_names():
    names: dict[str, object] = {}
    exec("from azureml.train.hyperdrive import *", names)  # noqa: S102 a star import is only allowed at module level
    assert {"HyperDriveConfig", "choice", "BanditPolicy"} <= set(names)


def test_package_hands_out_its_submodules_as_in_v1():
    assert azureml.core.runconfig.__name__ == "azureml.core.runconfig"


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"'azureml\.core' has no attribute 'Wrokspace'"):
        _ = azureml.core.Wrokspace


def test_version_has_the_shape_of_v1():
    assert azureml.core.VERSION == azureml.core.__version__ == azureml.__version__
    assert [int(part) for part in azureml.core.VERSION.split(".")] >= [1, 0, 0]


def test_exceptions_are_real_and_form_v1s_tree():
    assert AzureMLException is errors.TerrazulError
    assert issubclass(DataException, AzureMLException)
    assert issubclass(EarlyTerminationException, UserErrorException)
    with pytest.raises(AzureMLException, match="no such goal"):
        raise HyperDriveConfigException(exception_message="no such goal")


def test_exception_of_a_capability_does_not_answer_for_a_code_of_the_wire():
    assert errors.from_code("internal_error") is errors.TerrazulError


def test_mlflow_plugin_lets_mlflow_be_imported_beside_the_original_package():
    provider = entry_point_loaders.azureml_request_header_provider()
    assert not provider.in_context()
    assert provider.request_headers() == {}


def test_run_status_names_the_states_as_texts():
    assert RunStatus.COMPLETED == "Completed"
