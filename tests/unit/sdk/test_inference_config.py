"""What an inference configuration says before anything is sent."""

from pathlib import Path

import pytest

from terrazul.core.errors import WebserviceException
from terrazul.sdk.environment import Environment
from terrazul.sdk.image import ContainerImage, ImageConfig
from terrazul.sdk.inference_config import InferenceConfig, ids_of

SCRIPT = "def init(): pass\ndef run(data): return data\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "source/x").mkdir(parents=True)
    (tmp_path / "source/x/score.py").write_text(SCRIPT)
    (tmp_path / "score.py").write_text(SCRIPT)
    (tmp_path / "conda.yml").write_text("dependencies:\n- python=3.9\n- pip:\n  - joblib==1.4.2\n")
    return tmp_path


def test_script_lies_in_its_source_directory():
    source = InferenceConfig("x/score.py", source_directory="source").source()
    assert (source.folder, source.script, source.name) == (Path("source"), Path("x/score.py"), "source")


def test_script_may_be_named_from_here_too():
    source = InferenceConfig("source/x/score.py", source_directory="source").source()
    assert source.script == Path("x/score.py")


def test_current_folder_has_its_own_name(folder: Path):
    assert InferenceConfig("score.py", source_directory=".").source().name == folder.name


def test_lone_script_has_no_folder():
    source = InferenceConfig("source/x/score.py").source()
    assert (source.folder, source.script, source.name) == (None, Path("source/x/score.py"), "")


@pytest.mark.parametrize(
    ("configuration", "told"),
    [
        (InferenceConfig(""), "No entry script"),
        (InferenceConfig("nowhere.py"), "'nowhere.py' is not a file"),
        (InferenceConfig("nowhere.py", source_directory="source"), "is not a file in source"),
        (InferenceConfig("score.py", source_directory="nowhere"), "is not a folder"),
        (InferenceConfig("score.py", source_directory="source"), "outside of the source directory"),
        (InferenceConfig("score.py", runtime="ruby"), "runtime 'ruby' is not known"),
        (InferenceConfig("score.py", runtime="python", conda_file="no.yml"), "'no.yml' is not a file"),
        (InferenceConfig("score.py", conda_file="conda.yml", environment=Environment("e")), "exclude each other"),
    ],
)
def test_what_cannot_be_is_told(configuration: InferenceConfig, told: str):
    with pytest.raises(WebserviceException, match=told):
        configuration.validate_configuration()


def test_old_style_makes_an_environment_of_the_conda_file(caplog: pytest.LogCaptureFixture):
    configuration = InferenceConfig(
        "score.py", "python", "conda.yml", extra_docker_file_steps="steps", base_image="img:1"
    )
    configuration.validate_configuration()
    environment = configuration.used_environment()
    assert environment.python.conda_dependencies.get_python_version() == "3.9"
    assert list(environment.python.conda_dependencies.pip_packages) == ["joblib==1.4.2"]
    assert environment.docker.base_image == "img:1"
    assert "extra_docker_file_steps is not carried out" in caplog.text


def test_image_configuration_is_the_same_in_an_older_form():
    configuration = ContainerImage.image_configuration("score.py", "python", "conda.yml").inference_config()
    assert (configuration.entry_script, configuration.runtime, configuration.conda_file) == (
        "score.py",
        "python",
        "conda.yml",
    )
    with pytest.raises(WebserviceException, match="nothing of an entry script"):
        ImageConfig().validate_configuration()


def test_checking_program_tells_a_script_without_run():
    program = InferenceConfig("score.py").validation_script_content()
    exec(compile(program, "check", "exec"), {})  # noqa: S102  # it is made to be run
    Path("score.py").write_text("def init(): pass\n")
    with pytest.raises(AssertionError, match="no function run"):
        exec(compile(program, "check", "exec"), {})  # noqa: S102  # as above


def test_models_are_objects_or_ids():
    class Named:
        id = "a:1"

    assert ids_of(Named()) == ["a:1"]
    assert ids_of([Named(), "b:2"]) == ["a:1", "b:2"]
    assert ids_of(None) == []
    with pytest.raises(WebserviceException, match="3 is not a model"):
        ids_of([3])
