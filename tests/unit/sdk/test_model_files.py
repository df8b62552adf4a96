"""Where the files of a model are: which of the disk it is made of, and where deployed scripts look for it."""

import os
from pathlib import Path

import pytest

from azureml.core import Model
from azureml.exceptions import ModelNotFoundException, ModelPathNotFoundException, WebserviceException
from terrazul.core.errors import InvalidInput, MissingFile, NotFound
from terrazul.sdk.model_files import locations_of


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AML_APP_ROOT", raising=False)
    return tmp_path


def write(*paths: str) -> None:
    for path in paths:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(path)


def test_file_is_a_model_of_its_own_name(here: Path):
    write("deep/model.pkl")
    assert locations_of("deep/model.pkl") == {"model.pkl": str(here / "deep/model.pkl")}
    assert locations_of("./deep/../deep/model.pkl") == locations_of("deep/model.pkl")


def test_folder_is_a_model_with_all_below_it(here: Path):
    write("m/a", "m/deep/b", "m/.hidden", "beside")
    expected = {name: str(here / name) for name in ("m/a", "m/deep/b", "m/.hidden")}
    assert locations_of("m") == locations_of("m/") == locations_of(str(here / "m")) == expected
    os.chdir("m")
    assert locations_of(".") == expected


def test_child_paths_leave_the_rest_out(here: Path):
    write("m/a", "m/b", "m/deep/c", "m/deep/d", "outside")
    assert set(locations_of("m", ["a", "deep"])) == {"m/a", "m/deep/c", "m/deep/d"}
    for wrong in ("nope", "../outside", str(here / "outside")):
        with pytest.raises(ModelPathNotFoundException, match="does not exist in"):
            locations_of("m", [wrong])


def test_what_is_no_model_is_told(here: Path):
    (here / "empty").mkdir()
    with pytest.raises(InvalidInput, match="holds no files"):
        locations_of("empty")
    with pytest.raises(ModelPathNotFoundException, match="'nowhere' does not exist") as raised:
        locations_of("nowhere")
    assert isinstance(raised.value, (WebserviceException, NotFound))
    assert not isinstance(raised.value, MissingFile)


def test_model_beside_a_deployed_script_is_the_one_entry_of_its_version(here: Path):
    write("azureml-models/m/1/model.pkl", "azureml-models/m/9/model.pkl", "azureml-models/m/10/folder/a")
    assert here.is_dir()
    assert Model.get_model_path("m") == "azureml-models/m/10/folder"
    assert Model.get_model_path("m", version=9) == "azureml-models/m/9/model.pkl"
    write("azureml-models/m/10/second")
    with pytest.raises(WebserviceException, match="must hold one file or folder"):
        Model.get_model_path("m")


def test_application_root_says_where_the_models_are(here: Path, monkeypatch: pytest.MonkeyPatch):
    write("root/azureml-models/m/1/model.pkl")
    with pytest.raises(ModelNotFoundException):
        Model.get_model_path("m")
    monkeypatch.setenv("AML_APP_ROOT", str(here / "root"))
    assert Model.get_model_path("m") == str(here / "root/azureml-models/m/1/model.pkl")


def test_without_that_folder_a_file_of_the_name_here_is_the_model(here: Path):
    write("m.pkl", "azureml-models/other/1/x")
    assert here.is_dir()
    assert Model.get_model_path("m.pkl") == Model.get_model_path("m.pkl", 3) == "m.pkl"
    with pytest.raises(ModelNotFoundException, match="neither in"):
        Model.get_model_path("other", version=2)
    (here / "azureml-models/none").mkdir()
    with pytest.raises(ModelNotFoundException, match="holds no version"):
        Model.get_model_path("none")


@pytest.mark.parametrize("version", ["1", 1.0, True])
def test_version_that_is_no_integer_is_refused(here: Path, version: object):
    write("m")
    assert here.is_dir()
    with pytest.raises(WebserviceException, match="is an integer"):
        Model.get_model_path("m", version=version)  # type: ignore[arg-type]  # the mistake that is tested
