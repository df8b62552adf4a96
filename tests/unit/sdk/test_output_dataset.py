"""Outputs of runs: what is said of them, and what travels."""

import copy
from typing import Any

import pytest

from terrazul.core.errors import CapabilityNotAvailable, InvalidInput, RunConfigurationException
from terrazul.sdk.dataset.data_type import DataType
from terrazul.sdk.dataset_consumption import DatasetConsumptionConfig
from terrazul.sdk.output_dataset import OutputDatasetConfig
from terrazul.sdk.output_file_dataset import OutputFileDatasetConfig, OutputTabularDatasetConfig
from terrazul.sdk.run_data import RunData
from terrazul.wire.run_configuration import DataOutput, OutputRegistration


def told(output: OutputDatasetConfig) -> Any:
    return output.for_run().data


def test_an_output_without_anything_has_a_name_and_a_place():
    output = OutputFileDatasetConfig()
    assert output.name.startswith("output_")
    assert len(output.name) == len("output_") + 8
    assert told(output) == DataOutput(output.name, "mount", "", "dataset/{run-id}/{output-name}")
    assert str(output) == output.arg_val == f"DatasetOutputConfig:{output.name}"


def test_methods_give_other_outputs_and_leave_the_first_as_it_is():
    first = OutputFileDatasetConfig("made", ("store", "/to/{run-id}/"), source="here")
    upload = first.as_upload(overwrite=True, source_globs="**/*.csv")
    registered = upload.register_on_complete("name", "about", {"a": 1})
    assert told(first) == DataOutput("made", "mount", "store", "to/{run-id}", path_on_compute="here")
    assert told(registered) == DataOutput(
        "made", "upload", "store", "to/{run-id}", path_on_compute="here", overwrite=True, source_globs=["**/*.csv"],
        registration=OutputRegistration("name", "about", {"a": "1"}),
    )  # fmt: skip
    assert told(first.as_upload()).overwrite is False
    assert told(copy.deepcopy(registered)) == told(registered)


def test_a_table_is_made_of_the_files():
    output = OutputFileDatasetConfig("made").read_delimited_files(
        separator=";", path_glob="**/*.csv", set_column_types={"a": DataType.to_string()}
    )
    output = output.drop_columns("b").keep_columns(["a"]).register_on_complete("table")
    assert isinstance(output, OutputTabularDatasetConfig)
    data = told(output)
    assert [step.operation for step in data.steps] == ["delimited_files", "drop_columns", "keep_columns"]
    assert data.steps[0].arguments["separator"] == ";"
    assert (data.pattern, data.name, data.registration.name) == ("**/*.csv", "made", "table")
    assert told(OutputFileDatasetConfig("x").read_parquet_files()).steps[0].operation == "parquet_files"
    assert told(OutputFileDatasetConfig("x", partition_format="/{a}/x")).steps[0].operation == "files"


@pytest.mark.parametrize("destination", ["store", ("store",), (None, "x"), 5, ("a", "b", "c")])
def test_a_destination_that_is_none_is_told(destination: Any):
    with pytest.raises(InvalidInput, match="is no pair"):
        OutputFileDatasetConfig("made", destination).for_run()


@pytest.mark.parametrize("name", ["a b", "PATH", "AZUREML_RUN_ID", "ä", "x" * 256, "a-b"])
def test_a_name_that_cannot_be_a_variable_is_told(name: str):
    with pytest.raises(InvalidInput, match="cannot be the name"):
        OutputFileDatasetConfig(name)
    with pytest.raises(InvalidInput, match="cannot be the name"):
        DatasetConsumptionConfig(name, None)


def test_an_output_as_an_input_waits_for_pipelines():
    consumption = OutputFileDatasetConfig("made").as_input("next")
    assert (consumption.name, consumption.mode) == ("next", "mount")
    with pytest.raises(CapabilityNotAvailable, match="needs pipelines"):
        consumption.for_run()


def test_the_same_object_may_stand_twice_and_another_of_its_name_may_not():
    output, data = OutputFileDatasetConfig("made"), RunData()
    assert data.text_of(output) == data.text_of(output) == "DatasetOutputConfig:made"
    assert len(data.outputs) == 1
    with pytest.raises(RunConfigurationException, match="have the name 'made'"):
        data.text_of(output.as_upload())
