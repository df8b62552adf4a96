"""Where a script finds its data: arguments, commands and variables."""

from terrazul.runner.data.place import Place, fill_in, variables
from terrazul.wire.run_configuration import RunDefinition

DATA = Place("data", "/runs/1/data", "mount")
DATA_2 = Place("data_2", "/runs/2 b", "download", is_dataset=False)
OUT = Place("out", "/runs/out", "upload", is_output=True)


def test_arguments_become_paths():
    definition = RunDefinition(
        script="a.py",
        arguments=[
            "--x",
            "DatasetConsumptionConfig:data",
            "DatasetOutputConfig:out",
            "$AZUREML_DATAREFERENCE_data_2/sub",
        ],
    )
    assert fill_in(definition, [DATA, DATA_2, OUT]).arguments == ["--x", "/runs/1/data", "/runs/out", "/runs/2 b/sub"]


def test_a_reference_in_braces_and_a_longer_text_are_understood():
    definition = RunDefinition(arguments=["${AZUREML_DATAREFERENCE_data}x", "$AZUREML_DATAREFERENCE_dataset"])
    assert fill_in(definition, [DATA]).arguments == ["/runs/1/datax", "/runs/1/dataset"]


def test_what_is_no_data_of_the_run_stays_as_it_is():
    texts = ["DatasetConsumptionConfig:other", "$AZUREML_DATAREFERENCE_other", "DatasetOutputConfig:data", "$HOME"]
    assert fill_in(RunDefinition(arguments=texts), [DATA]).arguments == texts


def test_a_shell_line_gets_quoted_paths_and_keeps_its_variables():
    place = Place("data", "/a b", "mount")
    definition = RunDefinition(
        command=['python t.py DatasetConsumptionConfig:data "$AZUREML_DATAREFERENCE_data/x"'], command_is_shell=True
    )
    assert fill_in(definition, [place]).command == ["python t.py '/a b' \"$AZUREML_DATAREFERENCE_data/x\""]


def test_a_command_without_a_shell_gets_plain_paths():
    definition = RunDefinition(command=["cat", "DatasetConsumptionConfig:data", "$AZUREML_DATAREFERENCE_data/x"])
    assert fill_in(definition, [DATA]).command == ["cat", "/runs/1/data", "/runs/1/data/x"]


def test_every_input_is_a_variable_in_three_ways():
    found = variables([DATA], {})
    assert found == {
        "data": "/runs/1/data",
        "DATA": "/runs/1/data",
        "AZUREML_DATAREFERENCE_data": "/runs/1/data",
        "AZUREML_DATASET_ENVIRONMENT_VARS": "data:mount",
    }


def test_capitals_never_hide_a_variable_of_the_machine():
    assert "DATA" not in variables([DATA], {"DATA": "there"})


def test_outputs_and_references_are_told_apart():
    found = variables([DATA, DATA_2, OUT, Place("more", "/m", "mount", is_output=True)], {})
    assert found["AZUREML_DATASET_ENVIRONMENT_VARS"] == "data:mount"
    assert found["AZUREML_DATASET_FILE_OUTPUTS"] == "out;more"
    assert found["AZUREML_DATAREFERENCE_data_2"] == "/runs/2 b"


def test_a_variable_of_ones_own_is_set_too():
    assert variables([Place("data", "/x", "mount", variable="MY_DATA")], {})["MY_DATA"] == "/x"
