"""What must hold of models, and what is read of an ``MLmodel`` file."""

import pytest

from terrazul.core.errors import InvalidInput, ModelInUse, ModelNotFound, ModelPathNotFound
from terrazul.server.model import mlmodel
from terrazul.server.model.rules import ModelId, check_one_version, check_unused, files_of_run, read_model_id
from terrazul.wire.artifact import Artifact
from terrazul.wire.lineage import Edge
from terrazul.wire.model import ModelFile

FILE = ModelFile("m/MLmodel", "0" * 64, 10)


def artifacts(*paths: str) -> list[Artifact]:
    return [Artifact(path, 1, "0" * 64, "") for path in paths]


@pytest.mark.parametrize(("text", "expected"), [("a", ModelId("a", None)), ("a.b-c_d:12", ModelId("a.b-c_d", 12))])
def test_id_is_read_and_written(text: str, expected: ModelId):
    assert read_model_id(text) == expected
    assert str(expected) == text


@pytest.mark.parametrize("text", ["", ":1", "a/b", "a b:1", "-a"])
def test_name_that_none_can_have_is_refused(text: str):
    with pytest.raises(InvalidInput, match="model name"):
        read_model_id(text)


@pytest.mark.parametrize("text", ["a:", "a:0", "a:01", "a:x", "a:1:2", "a:-1", "a:9999999999"])
def test_version_that_none_can_have_is_not_there(text: str):
    with pytest.raises(ModelNotFound, match="not a version"):
        read_model_id(text)


def test_change_of_a_name_without_version_is_refused():
    check_one_version(ModelId("a", 1))
    with pytest.raises(InvalidInput, match="which version"):
        check_one_version(ModelId("a", None))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("outputs/model.pkl", ["model.pkl"]),
        ("outputs/model", ["model/a", "model/b/c"]),
        ("outputs/model/", ["model/a", "model/b/c"]),
        ("outputs/model/b", ["b/c"]),
        ("top", ["top"]),
        ("outputs", ["outputs/model.pkl", "outputs/model/a", "outputs/model/b/c"]),
    ],
)
def test_file_or_folder_of_a_run_keeps_its_last_name(path: str, expected: list[str]):
    held = artifacts("outputs/model.pkl", "outputs/model/a", "outputs/model/b/c", "outputs2", "top")
    assert [file.path for file in files_of_run("r", path, held)] == expected


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("model.pkl", "Did you mean 'outputs/model.pkl'"),
        ("outputs/modle.pkl", "Did you mean 'outputs/model.pkl'"),
        ("output", "Did you mean 'outputs'"),
        ("zzz", "Its files are 'outputs/model.pkl', 'x'."),
    ],
)
def test_path_that_is_not_there_is_told_with_what_comes_near(path: str, hint: str):
    with pytest.raises(ModelPathNotFound, match="Could not locate") as raised:
        files_of_run("r", path, artifacts("outputs/model.pkl", "x"))
    assert str(raised.value.hint).startswith(hint)


def test_run_without_files_says_to_upload_them():
    with pytest.raises(ModelPathNotFound) as raised:
        files_of_run("r", "x", [])
    assert "upload_file" in str(raised.value.hint)


def test_users_of_a_model_are_listed_up_to_a_number():
    check_unused("m:1", [])
    users = [Edge("webservice", f"s{number}", "model", "m:1", "model") for number in range(25)]
    with pytest.raises(ModelInUse, match="in use by webservice s0, webservice s1") as raised:
        check_unused("m:1", users)
    assert raised.value.message.endswith("and 5 more.")


def test_mlmodel_is_found_at_the_top_of_the_folder_only():
    below = ModelFile("m/deep/MLmodel", "0" * 64, 1)
    assert mlmodel.find([below, FILE]) is FILE
    assert mlmodel.find([below, ModelFile("MLmodel", "0" * 64, 1)]) is None
    with pytest.raises(InvalidInput, match="limit"):
        mlmodel.find([ModelFile("m/MLmodel", "0" * 64, mlmodel.SIZE_LIMIT + 1)])


@pytest.mark.parametrize(
    "text",
    [
        b"\x00",
        b"\xff\xfe\xfd",
        b"[" * 100_000,
        b"- a\n" * 250_000,
        b"flavors: text",
        b"flavors: {a: {}}\nsignature: text",
        b"flavors: {a: {}}\nsignature: {inputs: [1]}",
        b"a: &a [x]\nb: &b [*a, *a]\nflavors: [*b, *b]",
        b"!!python/object/new:os.system [echo]",
        b"flavors: {a: 2001-99-99}",
    ],
)
def test_mlmodel_of_another_form_is_refused(text: bytes):
    with pytest.raises(InvalidInput, match="m/MLmodel cannot be used"):
        mlmodel.read(FILE, text)


def test_mlmodel_without_signature_is_fine():
    assert mlmodel.read(FILE, b"flavors: {b: {}, a: {}}") == {"flavors": ["a", "b"], "signature": None, "folder": "m"}
