"""What is taken from a conda file and its pip section, and what is refused."""

from typing import Any

import pytest

from terrazul.core.errors import UserErrorException
from terrazul.core.requirement import conda, known, pip


@pytest.mark.parametrize(
    "line",
    ["numpy", "numpy==1.24.*", "scikit-learn >=1.0, <2", "a.b-c_d[x, y]~=1.0 ; python_version < '3.9'", "six (>=1.0)",
     "torch==1.8.1+cpu", "x===1", "en @ https://example.org/en-1.0.tar.gz", "https://example.org/a-1-py3-none-any.whl"],
)  # fmt: skip
def test_package_is_taken_as_it_is(line: str):
    assert pip.read([line + "  # why"]).packages == [line]


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("--index-url https://a/simple", ["--index-url", "https://a/simple"]),
        ("-i https://a/simple", ["--index-url", "https://a/simple"]),
        ("--extra-index-url=https://a/simple", ["--extra-index-url", "https://a/simple"]),
        ("-f https://download.pytorch.org/whl/torch_stable.html",
         ["--find-links", "https://download.pytorch.org/whl/torch_stable.html"]),
        ("--pre", ["--prerelease=allow"]),
    ],
)  # fmt: skip
def test_index_options_are_taken(line: str, options: list[str]):
    assert pip.read([line]).options == options


@pytest.mark.parametrize(
    "line",
    ["-r other.txt", "-rother.txt", "--requirement=/etc/passwd", "-c x", "-e .", "-e git+https://a/b", "--editable=.",
     "git+https://a/b.git", "x @ git+ssh://a/b --upload-pack=evil", "x @ file:///etc/passwd", "file:///x.whl",
     "x @ http://a/x.whl", "./local", "/abs.whl", "../x", "--index-url file:///x", "--index-url", "-f /folder",
     "--python /bin/sh", "--config-setting x", "--", "-", "--index-url=https://a --python=/x", "numpy\n--python /x",
     "numpy==1 --hash=x", "${HOME}", "numpy==${X}", "x" * 10 + "\0", "a b", "{}", "--pre x"],
)  # fmt: skip
def test_hostile_or_local_line_is_refused(line: str):
    with pytest.raises(UserErrorException, match="refused") as refused:
        pip.read([line])
    assert refused.value.hint


@pytest.mark.parametrize("break_", ["\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\0"])
@pytest.mark.parametrize("line", ["numpy ; a{}-e x", "numpy[a{}-r x]", "numpy>=1{}-e x", "--pre{}-e x", "numpy{}-e x"])
def test_line_that_becomes_two_is_refused(line: str, break_: str):
    with pytest.raises(UserErrorException, match="pip line"):
        pip.read([line.format(break_)])


def test_v1_packages_are_answered_by_ours():
    read = pip.read(
        ["azureml-defaults", "azureml_core==1.0", "azureml-dataset-runtime[pandas,fuse]", "azureml-mlflow", "azure-x"]
    )
    assert read.packages == ["pandas", "polars", "pyarrow", "pandas", "mlflow-skinny", "azure-x"]
    assert len(read.notes) == 4


@pytest.mark.parametrize(
    ("entry", "package"),
    [
        ("numpy", "numpy"),
        ("numpy=1.19", "numpy==1.19.*"),
        ("numpy=1.19.*", "numpy==1.19.*"),
        ("numpy==1.19.2", "numpy==1.19.2"),
        ("numpy 1.19.*", "numpy==1.19.*"),
        ("numpy>=1.19,<2", "numpy>=1.19,<2"),
        ("numpy >=1.19, <2", "numpy>=1.19,<2"),
        ("scikit-learn=0.22.1=py36h7", "scikit-learn==0.22.1.*"),
        ("conda-forge::lightgbm=3", "lightgbm==3.*"),
        ("pytorch=1.8", "torch==1.8.*"),
        ("opencv", "opencv-python-headless"),
        ("pillow", "pillow"),
        ("Py_OpenCV", "opencv-python-headless"),
        ("numpy~=1.22.3", "numpy~=1.22.3"),
        ("py-xgboost<=0.90", "xgboost<=0.90"),
        ("ray-default=2.9", "ray[default]==2.9.*"),
    ],
)
def test_conda_package_has_its_name_and_version_of_the_index(entry: str, package: str):
    assert conda.read({"dependencies": [entry]}).packages == [package]


def test_conda_file_as_v1_writes_it():
    read = conda.read(
        {
            "name": "project_environment",
            "channels": ["anaconda", "conda-forge"],
            "dependencies": ["python=3.8.13", "pip=20.2", "cudatoolkit=10.1", {"pip": ["azureml-defaults", "six"]}],
        }
    )
    assert (read.python, read.python_text, read.packages) == ((3, 8), "3.8.13", [])
    assert read.pip_lines == ["azureml-defaults", "six"]
    assert any("cudatoolkit" in note for note in read.notes)


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("openssl=1.1.1k=h27cfd23_0", "openssl is left out: Python brings it along"),
        ("_libgcc_mutex=0.1=main", "libgcc-mutex is left out: it holds nothing"),
        ("nb_conda", "nb-conda is left out: it is a tool of conda's"),
        ("hdf5", "hdf5 is left out: the packages that need it bring it along"),
        ("vs2015_runtime=14.16", "vs2015-runtime is left out: it is for Windows"),
    ],
)
def test_conda_package_of_which_nothing_is_lost_is_left_out_with_a_notice(entry: str, why: str):
    read = conda.read({"dependencies": [entry]})
    assert (read.packages, read.notes) == ([], [why])


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ("azureml-sdk", "azureml-sdk"),
        ("azureml-sdk[automl,notebooks]", "azureml-sdk[automl,notebooks]"),
        ("azureml-core=1.48.0", "azureml-core==1.48.0"),
        ("azureml-core>=1.48", "azureml-core>=1.48"),
    ],
)
def test_v1_packages_among_those_of_conda_are_answered_by_ours(entry: str, line: str):
    read = conda.read({"dependencies": [entry]})
    assert (read.packages, read.pip_lines) == ([], [line])
    assert pip.read(read.pip_lines).packages == []


@pytest.mark.parametrize(
    "name", ["pandsa", "scikit_lern", "sklearn", "PIL", "tensorfow", "py-torch", "matplotlb", "xgbost"]
)
def test_misspelt_name_is_near_to_what_is_meant(name: str):
    assert known.similar(name)[0] in {
        "pandas", "scikit-learn", "pillow", "tensorflow", "torch", "matplotlib", "xgboost"
    }  # fmt: skip


def test_name_that_is_like_no_other_has_none_near():
    assert known.similar("our-own-internal-thing") == []
    said = "Because pandsa was not found in the package registry and you require pandsa, we can"
    assert (known.missing_in(said), known.missing_in("No solution found")) == ("pandsa", "")


@pytest.mark.parametrize("entry", ["r-ggplot2", "spacy-model-en_core_web_sm", "openmpi", "cuda-nvcc", "wget",
                                   "gcc", "libgdal", "r-base", "openjdk=8", "graphviz", "gcc_linux-64"])  # fmt: skip
def test_system_library_is_refused_with_a_suggestion(entry: str):
    with pytest.raises(UserErrorException, match="not a Python package") as refused:
        conda.read({"dependencies": [entry]})
    assert "Take it out" in str(refused.value.hint)


@pytest.mark.parametrize(
    "dependencies",
    ["numpy", [{"pip": "six"}], [{"npm": ["x"]}], [1], [None], ["--index-url x"], ["a=b=c=d"], ["a|b"], ["a\nb"],
     ["../x"], ["numpy=1.0; rm"], [""], ["numpy >=1 | <0"]],
)  # fmt: skip
def test_unreadable_conda_file_is_refused(dependencies: Any):
    with pytest.raises(UserErrorException):
        conda.read({"dependencies": dependencies})


@pytest.mark.parametrize(
    ("line", "packages"),
    [
        ("azureml-defaults", ["flask", "inference-schema"]),
        ("azureml_defaults>=1.0", ["flask", "inference-schema"]),
        ("azureml-inference-server-http==0.8", ["flask", "inference-schema"]),
        ("azureml-contrib-services", ["flask"]),
        ("azureml-core", []),
    ],
)
def test_what_entry_scripts_import_comes_with_v1s_packages_when_serving(line: str, packages: list[str]):
    assert pip.read([line], serving=True).packages == packages
    assert pip.read([line]).packages == []
