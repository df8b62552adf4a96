"""What a model in MLflow's format says of its packages."""

import pytest

from terrazul.core.errors import WebserviceException
from terrazul.sdk.conda_dependencies import CondaDependencies
from terrazul.sdk.model_environment import packages_of

CONDA = """channels:
- conda-forge
dependencies:
- python=3.11.9
- pip<=24
- pip:
  - mlflow-skinny==3.1
  - scikit-learn==1.5.0
name: mlflow-env
"""


def packages(**files: str) -> CondaDependencies:
    named = {name.replace("__", "."): text for name, text in files.items()}
    return packages_of("m:1", named, named.__getitem__)


def test_conda_file_is_taken_as_it_is():
    found = packages(conda__yaml=CONDA, requirements__txt="other")
    assert found.get_python_version() == "3.11.9"
    assert list(found.pip_packages) == ["mlflow-skinny==3.1", "scikit-learn==1.5.0"]


def test_requirements_come_with_the_python_that_was_noted():
    noted = "python: 3.10.14\nbuild_dependencies:\n- pip==24\ndependencies:\n- -r requirements.txt\n"
    found = packages(requirements__txt="mlflow==3.1\n# a comment\n\npandas  # tables\n", python_env__yaml=noted)
    assert found.get_python_version() == "3.10.14"
    assert list(found.pip_packages) == ["mlflow==3.1", "pandas"]


def test_python_file_alone_names_packages_too():
    found = packages(python_env__yaml="python: '3.11'\ndependencies:\n- scikit-learn\n")
    assert found.get_python_version() == "3.11"
    assert list(found.pip_packages) == ["scikit-learn", "mlflow"]


def test_mlflow_is_added_where_it_is_not_named():
    assert list(packages(requirements__txt="numpy[a]>=1\n").pip_packages) == ["numpy[a]>=1", "mlflow"]
    assert list(packages(requirements__txt="mlflow_skinny [x] == 3\n").pip_packages) == ["mlflow_skinny [x] == 3"]


def test_model_without_any_of_these_files_is_told():
    with pytest.raises(WebserviceException, match="packages are not known"):
        packages(MLmodel="flavors: {}")
