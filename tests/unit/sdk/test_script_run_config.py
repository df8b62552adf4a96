"""What Experiment.submit takes, and what it becomes."""

from pathlib import Path
from typing import Any, List

import pytest

from terrazul.core.errors import CapabilityNotAvailable, RunConfigurationException
from terrazul.sdk.environment import Environment
from terrazul.sdk.run_configuration import (
    Data,
    DatacacheConfiguration,
    DataLocation,
    DataPath,
    DataReferenceConfiguration,
    Dataset,
    DockerConfiguration,
    GlobsOptions,
    MpiConfiguration,
    OutputData,
    OutputOptions,
    ParallelTaskConfiguration,
    PyTorchConfiguration,
    RegistrationOptions,
    RunConfiguration,
    TensorflowConfiguration,
    UploadOptions,
    Uri,
)
from terrazul.sdk.run_data import sections_of
from terrazul.sdk.script_run_config import ScriptRunConfig, get_run_config_from_script_run
from terrazul.wire.distribution import distribution_of
from terrazul.wire.run_configuration import DataInput, DataOutput, OutputRegistration


@pytest.fixture
def source(tmp_path: Path) -> str:
    (tmp_path / "train.py").write_text("print()")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/step.py").write_text("print()")
    return str(tmp_path)


def test_constructor_checks_nothing_as_in_v1():
    config = ScriptRunConfig("nowhere", script="a.py", command=["x"], arguments=["--a", None])
    assert config.run_config.target == "local"
    assert config.run_config.max_run_duration_seconds == 30 * 24 * 3600
    assert config.run_config.environment.name == "default-environment"
    with pytest.raises(TypeError):
        ScriptRunConfig(".", enviroment=None)  # type: ignore[call-arg]  # the slip is the point


def test_definition_holds_all(source: str):
    environment = Environment("mine")
    config = ScriptRunConfig(
        source,
        "train.py",
        ["--alpha", 0.5, True, None, Path("data")],
        environment=environment,
        docker_runtime_config=DockerConfiguration(use_docker=True),
    )
    definition = config.definition()
    assert definition.arguments == ["--alpha", "0.5", "True", "None", "data"]
    assert (definition.script, definition.command, definition.command_is_shell) == ("train.py", [], False)
    assert definition.environment.name == "mine"
    assert definition.sections["docker"]["useDocker"] is True
    assert "environment" not in definition.sections


def test_source_directory_and_time_limit_are_checked(source: str):
    with pytest.raises(RunConfigurationException, match=r"'nowhere' does not exist\.\nIt is looked for as /"):
        ScriptRunConfig("nowhere", command=["ls"]).definition()
    with pytest.raises(RunConfigurationException, match="is not a directory"):
        ScriptRunConfig(str(Path(source, "train.py")), "train.py").definition()
    with pytest.raises(RunConfigurationException, match="max_run_duration_seconds is 0"):
        ScriptRunConfig(source, "train.py", max_run_duration_seconds=0).definition()


@pytest.mark.parametrize("script", ["./deep/step.py", "deep\\step.py", "deep/../deep/step.py"])
def test_script_is_named_from_the_source_directory(source: str, script: str):
    assert ScriptRunConfig(source, script).definition().script == "deep/step.py"
    assert ScriptRunConfig(source, str(Path(source, "train.py"))).definition().script == "train.py"


@pytest.mark.parametrize(
    ("script", "command", "reason"),
    [
        (None, None, "neither a script nor a command"),
        ("train.py", "echo", "both a script and a command"),
        ("trian.py", None, "'trian.py' is not in the source directory"),
        ("../other.py", None, "lies outside"),
        ("deep", None, "is not in the source directory"),
    ],
)
def test_what_cannot_run_is_told_at_submission(source: str, script: Any, command: Any, reason: str):
    Path(source).parent.joinpath("other.py").write_text("")
    with pytest.raises(RunConfigurationException, match=reason):
        ScriptRunConfig(source, script, command=command).definition()


@pytest.mark.parametrize(
    ("command", "arguments", "words", "shell"),
    [
        ("python train.py && ls", [], ["python train.py && ls"], True),
        (["python", "train.py"], ["--a b"], ["python", "train.py", "--a b"], False),
        (["pip", "list", "&&", "python", "x.py"], [], ["pip list && python x.py"], True),
        ("echo", ["a b"], ["echo 'a b'"], True),
    ],
)
def test_command_is_a_line_for_the_shell_or_words(
    source: str, command: Any, arguments: List[str], words: List[str], shell: bool
):
    definition = ScriptRunConfig(source, command=command, arguments=arguments).definition()
    assert (definition.command, definition.command_is_shell, definition.arguments) == (words, shell, [])


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        (MpiConfiguration(2, 3), ("IntelMpi", "Python", 3)),
        (PyTorchConfiguration(process_count=4, node_count=2), ("Nccl", "PyTorch", 2)),
        (TensorflowConfiguration(2, 3), ("ParameterServer", "TensorFlow", 2)),
    ],
)
def test_distributed_job_sets_the_run_configuration(job: Any, expected: Any):
    config = ScriptRunConfig(".", "x.py", distributed_job_config=job).run_config
    assert (config.communicator, config.framework, config.node_count) == expected


def test_run_config_is_used_as_it_is(caplog: pytest.LogCaptureFixture):
    configuration = RunConfiguration(script="a.py", arguments=["--x"])
    config = ScriptRunConfig(".", run_config=configuration, environment=Environment("ignored"))
    assert config.run_config is configuration
    assert "are taken from it" in caplog.text
    whole = get_run_config_from_script_run(config)
    assert (whole.script, whole.arguments) == ("a.py", ["--x"])
    whole.arguments.append("--y")
    assert configuration.arguments == ["--x"]


def test_resuming_is_for_later():
    with pytest.raises(CapabilityNotAvailable, match="resume_from"):
        ScriptRunConfig(".", "a.py", resume_from=object())


def test_objects_of_another_class_are_refused_at_once():
    for name in ("run_config", "environment", "distributed_job_config", "docker_runtime_config"):
        with pytest.raises(RunConfigurationException, match=f"'{name}' must be of"):
            ScriptRunConfig(".", "a.py", **{name: "x"})


def _with(source: str, **settings: Any) -> ScriptRunConfig:
    config = ScriptRunConfig(source, "train.py")
    for name, value in settings.items():
        setattr(config.run_config, name, value)
    return config


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"node_count": "x"}, "nodeCount is 'x', and has to be a whole number"),
        ({"max_run_duration_seconds": "1h"}, "maxRunDurationSeconds is '1h'"),
        ({"environment": "mine"}, "environment is 'mine', and has to be an object of Environment"),
        ({"environment_variables": ["A"]}, "has to be a map"),
        ({"framework": "Caffe"}, "framework 'Caffe' is not known"),
        ({"communicator": "mpi"}, "communicator 'mpi' is not known"),
        ({"data": {"in": Data()}}, "'in' says not where its data is"),
        ({"data": {"in": Data(DataLocation(Dataset()))}}, "'in' names no dataset"),
        ({"data": {"in": Data(DataLocation(Dataset("1")), mechanism="hdfs")}}, "mode 'hdfs' of 'in' is not known"),
        ({"data_references": {"in": DataReferenceConfiguration()}}, "'in' names no datastore"),
        ({"data_references": {"a": DataReferenceConfiguration("s")}, "output_data": {"a": OutputData()}}, "name 'a'"),
    ],
)
def test_values_that_cannot_be_used_are_told_at_submission(source: str, settings: Any, reason: str):
    with pytest.raises(RunConfigurationException, match=reason):
        _with(source, **settings).definition()


def _workers(count: int) -> ParallelTaskConfiguration:
    made = ParallelTaskConfiguration()
    made.worker_count_per_node = count
    return made


@pytest.mark.parametrize(
    ("settings", "capability"),
    [
        ({"data": {"in": Data(DataLocation(uri=Uri("https://a/b")))}}, "addresses as inputs of runs"),
        ({"datacaches": [DatacacheConfiguration("x")]}, "data caches"),
        ({"framework": "PySpark"}, "Spark"),
        ({"communicator": "ParallelTask", "paralleltask": _workers(2)}, "parallel tasks"),
    ],
)
def test_what_is_for_later_is_told_at_submission(source: str, settings: Any, capability: str):
    with pytest.raises(CapabilityNotAvailable, match=f"needs {capability}"):
        _with(source, **settings).definition()


def test_sections_of_data_become_inputs_and_outputs_and_come_back(source: str):
    options = OutputOptions(
        None, RegistrationOptions("made", "about", {"a": "b"}), UploadOptions(True, GlobsOptions(["**/*.csv"]))
    )
    definition = _with(
        source,
        data={"a": Data(DataLocation(Dataset("id-1")), mechanism="Mount", path_on_compute="/x")},
        data_references={
            "b": DataReferenceConfiguration("store", "download", "in/", overwrite=True),
            "c": DataReferenceConfiguration("store", "upload", "out"),
        },
        output_data={"d": OutputData(DataLocation(data_path=DataPath("store", "made/{run-id}")), "Upload", options)},
    ).definition()
    assert definition.inputs == [
        DataInput("a", "mount", "id-1", path_on_compute="/x"),
        DataInput("b", "download", datastore="store", path="in", overwrite=True),
    ]
    assert definition.outputs == [
        DataOutput("c", "upload", "store", "out", overwrite=False, is_dataset=False),
        DataOutput(
            "d", "upload", "store", "made/{run-id}", source_globs=["**/*.csv"],
            registration=OutputRegistration("made", "about", {"a": "b"}),
        ),
    ]  # fmt: skip
    told = sections_of(definition)
    assert told["data"]["a"]["dataLocation"]["dataset"]["id"] == "id-1"
    assert told["data"]["a"]["mechanism"] == "Mount"
    assert told["dataReferences"]["b"]["dataStoreName"] == "store"
    assert told["dataReferences"]["c"]["mode"] == "Upload"
    assert told["outputData"]["d"]["additionalOptions"]["registrationOptions"]["name"] == "made"
    assert not {"data", "dataReferences", "outputData"} & set(definition.sections)


def test_a_data_reference_that_nobody_gave_is_told(source: str):
    with pytest.raises(RunConfigurationException, match="no data reference 'x'"):
        ScriptRunConfig(source, "train.py", ["--in", "$AZUREML_DATAREFERENCE_x"]).definition()


def test_a_shell_line_keeps_references_that_it_can_fill_in(source: str):
    config = ScriptRunConfig(source, command="cat", arguments=["$AZUREML_DATAREFERENCE_x/a b", "$5 `x`"])
    config.run_config.data_references = {"x": DataReferenceConfiguration("store")}
    assert config.definition().command == ["""cat "$AZUREML_DATAREFERENCE_x/a b" '$5 `x`'"""]


def test_job_of_several_processes_travels_with_their_numbers(source: str):
    jobs = (MpiConfiguration(2, 3), PyTorchConfiguration("Gloo", 6, 3), TensorflowConfiguration(3, 0))
    for job in jobs:
        definition = ScriptRunConfig(source, "train.py", distributed_job_config=job).definition()
        assert definition.node_count == 3
        assert len(distribution_of(definition).tasks) == (3 if isinstance(job, TensorflowConfiguration) else 6)
    uneven = ScriptRunConfig(source, "train.py", distributed_job_config=PyTorchConfiguration("Gloo", 3, 2))
    with pytest.raises(RunConfigurationException, match="3 processes cannot be spread evenly over 2 nodes"):
        uneven.definition()


def test_job_of_one_process_is_an_ordinary_run(source: str):
    for job in (MpiConfiguration(), PyTorchConfiguration(process_count=1), TensorflowConfiguration()):
        definition = ScriptRunConfig(source, "train.py", distributed_job_config=job).definition()
        assert definition.node_count == 1


def test_words_are_written_as_v1_writes_them(source: str):
    definition = _with(source, framework="pytorch", communicator="nccl", environment_variables={"A": True}).definition()
    assert (definition.framework, definition.communicator) == ("PyTorch", "Nccl")
    assert definition.environment_variables == {"A": "True"}


def test_docker_section_switches_the_image_on(source: str):
    config = ScriptRunConfig(source, "train.py", docker_runtime_config=DockerConfiguration(use_docker=True))
    assert config.definition().environment.docker["enabled"] is True
    assert _with(source).definition().environment.docker["enabled"] is False


def test_arguments_as_one_text_are_split_as_a_shell_does(source: str):
    assert ScriptRunConfig(source, "train.py", "--a 'b c'").definition().arguments == ["--a", "b c"]
    assert _with(source, arguments="--a 1").definition().arguments == ["--a", "1"]


def test_first_word_with_a_space_makes_a_line_for_the_shell(source: str):
    definition = ScriptRunConfig(source, command=["python train.py", "--a", 1]).definition()
    assert (definition.command, definition.command_is_shell) == (["python train.py --a 1"], True)
