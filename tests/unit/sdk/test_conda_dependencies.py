"""Conda files."""

import sys
from pathlib import Path

import pytest
import yaml

from terrazul.core.errors import UserErrorException
from terrazul.sdk.conda_dependencies import CondaDependencies, requirements_of


def test_default_asks_for_this_python_and_the_defaults_of_v1():
    content = CondaDependencies().as_dict()
    here = f"python={sys.version_info.major}.{sys.version_info.minor}"
    assert content == {
        "name": "project_environment",
        "dependencies": [here, {"pip": ["azureml-defaults"]}],
        "channels": ["anaconda", "conda-forge"],
    }


def test_created_from_lists():
    made = CondaDependencies.create(pip_packages=["a==1"], conda_packages=["numpy", "python=3.8"])
    assert list(made.pip_packages) == ["a==1"]
    assert list(made.conda_packages) == ["python=3.8", "numpy"]
    assert made.get_python_version() == "3.8"
    assert list(CondaDependencies.create(conda_packages=["numpy"]).pip_packages) == ["azureml-defaults"]


def test_another_version_takes_the_place_of_the_first():
    made = CondaDependencies()
    for package in ("numpy", "scipy", "numpy=1.26", "numpy>=2"):
        made.add_conda_package(package)
    made.add_pip_package("azureml-defaults~=1.61.0")
    assert list(made.conda_packages)[1:] == ["numpy>=2", "scipy"]
    assert list(made.pip_packages) == ["azureml-defaults~=1.61.0"]
    made.remove_conda_package("numpy")
    made.remove_pip_package("not-there")
    assert list(made.conda_packages)[1:] == ["scipy"]


def test_options_stand_apart_from_packages():
    made = CondaDependencies()
    made.set_pip_option("--extra-index-url https://example.org/simple")
    made.set_pip_index_url("--index-url https://example.org/other")
    assert list(made.pip_packages) == ["azureml-defaults"]
    assert len(list(made.pip_options)) == 2
    made.remove_pip_option("--index-url")
    assert list(made.pip_options) == ["--extra-index-url https://example.org/simple"]
    with pytest.raises(UserErrorException, match="not an option of pip"):
        made.set_pip_option("numpy")


def test_written_file_is_read_again_and_by_others(tmp_path: Path):
    made = CondaDependencies.create(pip_packages=["a[b]==1; python_version<'3.9'"], conda_packages=["c::d=1"])
    made.add_channel("pytorch")
    file = made.save(str(tmp_path / "deep" / "env.yml"))
    assert CondaDependencies(file) == made
    assert yaml.safe_load(Path(file).read_text()) == made.as_dict() == yaml.safe_load(made.serialize_to_string())


def test_save_to_file_goes_below_the_configuration_folder(tmp_path: Path):
    assert CondaDependencies().save_to_file(str(tmp_path)) == ".azureml/auto_conda_dependencies.yml"
    assert CondaDependencies().save_to_file(str(tmp_path), "x.yml") == "x.yml"
    assert (tmp_path / ".azureml/auto_conda_dependencies.yml").is_file()
    assert (tmp_path / "x.yml").is_file()
    with pytest.raises(UserErrorException, match="is a folder"):
        CondaDependencies().save(str(tmp_path))


def test_merged_requirements():
    assert CondaDependencies.merge_requirements(["a==1", "a>0", "b"]) == ["a==1,>0", "b"]


@pytest.mark.parametrize(
    "text", ["- a\n", "dependencies:\n- x: [y]\n", "dependencies: text\n", "dependencies:\n- pip: x\n"]
)
def test_other_files_are_refused(tmp_path: Path, text: str):
    file = tmp_path / "env.yml"
    file.write_text(text)
    with pytest.raises(UserErrorException, match=r"env\.yml"):
        CondaDependencies(str(file))


def test_missing_file_is_missing():
    with pytest.raises(FileNotFoundError, match=r"There is no file '/not/there\.yml'") as raised:
        CondaDependencies("/not/there.yml")
    assert isinstance(raised.value, UserErrorException)


def test_file_that_is_no_text_is_told(tmp_path: Path):
    with pytest.raises(UserErrorException, match="cannot be read: Is a directory"):
        CondaDependencies(str(tmp_path))
    file = tmp_path / "env.yml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(UserErrorException, match="is not text in UTF-8"):
        CondaDependencies(str(file))


def test_requirements_file_is_read_without_comments(tmp_path: Path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/more.txt").write_text("more\n--requirement=most.txt\n")
    (tmp_path / "deep/most.txt").write_text("most")
    file = tmp_path / "requirements.txt"
    file.write_text("# head\nnumpy==1 # tail\n\na \\\n >=2\n-r deep/more.txt\n--extra-index-url https://x.org/#frag\n")
    expected = ["numpy==1", "a   >=2", "more", "most", "--extra-index-url https://x.org/#frag"]
    assert requirements_of(file) == expected
    conda = tmp_path / "conda.yml"
    conda.write_text("dependencies:\n- pip:\n  - -r requirements.txt\n  - last\n")
    assert CondaDependencies(str(conda)).as_dict() == {"dependencies": [{"pip": [*expected, "last"]}]}


def test_requirement_files_that_are_missing_or_name_each_other_are_told(tmp_path: Path):
    file = tmp_path / "requirements.txt"
    file.write_text("-r nope.txt")
    with pytest.raises(FileNotFoundError, match=r"nope\.txt"):
        requirements_of(file)
    file.write_text("-r requirements.txt")
    with pytest.raises(UserErrorException, match="in a circle"):
        requirements_of(file)


def test_python_version_as_a_number_is_refused():
    with pytest.raises(UserErrorException, match="is not a text"):
        CondaDependencies.create(python_version=3.10)  # type: ignore[arg-type]  # the slip is the point


def test_names_of_packages_are_compared_as_pip_does():
    packages = CondaDependencies()
    packages.add_pip_package("Azureml_Defaults==3")
    assert list(packages.pip_packages) == ["Azureml_Defaults==3"]
    packages.set_pip_option("--index-url https://a.example.org")
    packages.set_pip_option("--index-url https://b.example.org")
    assert list(packages.pip_options) == ["--index-url https://b.example.org"]


def test_channel_can_be_added_where_there_is_none():
    packages = CondaDependencies(_underlying_structure={"channels": None, "dependencies": ["numpy"]})
    packages.add_channel("conda-forge")
    assert packages.as_dict() == {"channels": ["conda-forge"], "dependencies": ["numpy"]}
