"""What stands in for a class or a function whose capability is not there yet."""

import enum
import pickle
from collections.abc import Callable

import pytest

from azureml.core.run import Run
from azureml.train.hyperdrive import HyperDriveRun
from terrazul.compatibility.stand_in import stand_in
from terrazul.core.errors import CapabilityNotAvailable, UserErrorException


@pytest.fixture
def model():
    return stand_in("azureml.core.model.Model", "the model registry")


def test_class_can_be_annotated_with_inherited_from_and_tested_for(model: type):
    class Mine(model):
        pass

    assert issubclass(Mine, model)
    assert not isinstance("a model", model)
    assert model.__module__ == "azureml.core.model"
    assert model.__terrazul_unsupported__ is True


@pytest.mark.parametrize(
    ("use", "name"),
    [
        (lambda model: model("workspace", "name"), "Model"),
        (lambda model: model.register(model_path="m.pkl"), "Model.register"),
        (lambda model: model.__new__(model).download(), "Model.download"),
        (lambda model: model.__new__(model).version, "Model.version"),
    ],
)
def test_use_raises_an_error_that_names_member_capability_and_next_step(
    model: type, use: Callable[[type], object], name: str
):
    with pytest.raises(
        CapabilityNotAvailable, match=rf"^{name} needs the model registry, which Terrazul does not have"
    ) as caught:
        use(model)
    assert caught.value.target == name
    assert "docs/compatibility" in str(caught.value)
    assert isinstance(caught.value, (NotImplementedError, UserErrorException))


def test_member_can_be_seen_without_using_it(model: type):
    assert model.register.__terrazul_unsupported__ is True
    assert model.version.__terrazul_unsupported__ is True


def test_constants_have_their_v1_values(model: type):
    assert model.Framework.SCIKITLEARN == "ScikitLearn"
    assert stand_in("azureml.core.workspace.WORKSPACE_DEFAULT_BLOB_STORE_NAME", "datastores") == "workspaceblobstore"


def test_enum_is_an_enum():
    goal = stand_in("azureml.train.hyperdrive.runconfig.PrimaryMetricGoal", "sweeps")
    assert issubclass(goal, enum.Enum)
    assert goal("MAXIMIZE") is goal.MAXIMIZE
    with pytest.raises(CapabilityNotAvailable):
        goal.from_str("maximize")


def test_function_raises_when_it_is_called():
    choice = stand_in("azureml.train.hyperdrive.parameter_expressions.choice", "sweeps")
    with pytest.raises(CapabilityNotAvailable, match="choice needs sweeps"):
        choice(1, 2)


def test_name_without_facts_is_a_class_by_its_capital():
    assert isinstance(stand_in("azureml.somewhere.Thing", "things"), type)
    assert callable(stand_in("azureml.somewhere.make_thing", "things"))


def test_class_inherits_from_the_live_class_and_pickles_by_name():
    assert issubclass(HyperDriveRun, Run)
    assert pickle.loads(pickle.dumps(HyperDriveRun)) is HyperDriveRun  # noqa: S301 our own bytes
