"""v1's key vault, as v1 code uses it."""

import pytest

from azureml.core import Experiment, Keyvault, Workspace
from azureml.exceptions import UserErrorException
from terrazul.core.errors import InvalidInput, NotFound
from terrazul.sdk.keyvault import KeyVaultContentType

pytestmark = pytest.mark.functional


@pytest.fixture
def keyvault(workspace: Workspace) -> Keyvault:
    return workspace.get_default_keyvault()


def test_secrets_are_set_read_listed_and_deleted(keyvault: Keyvault, workspace: Workspace):
    assert isinstance(keyvault, Keyvault)
    assert keyvault.workspace is workspace
    keyvault.set_secret(name="one", value="first é")
    keyvault.set_secrets({"two": "second", "Three": ""})
    assert keyvault.get_secret(name="one") == "first é"
    assert keyvault.get_secrets(["two", "three", "four"]) == {"two": "second", "three": "", "four": None}
    assert keyvault.list_secrets() == [{"name": "one"}, {"name": "Three"}, {"name": "two"}]
    keyvault.set_secret("one", "again", KeyVaultContentType.password)
    assert keyvault.get_secret("ONE") == "again"
    assert keyvault.get_secret_content_type("one") == "application/vnd.ms-password"
    assert keyvault.get_secret_content_type("two") == "application/NotProvided"
    keyvault.delete_secret("one")
    keyvault.delete_secrets(["two", "three"])
    assert keyvault.list_secrets() == []


def test_secret_that_is_not_there_is_told(keyvault: Keyvault):
    for ask in (keyvault.get_secret, keyvault.get_secret_content_type, keyvault.delete_secret):
        with pytest.raises(NotFound, match="There is no secret 'absent'"):
            ask("absent")
    with pytest.raises(UserErrorException):
        keyvault.get_secret("absent")


@pytest.mark.parametrize(("name", "value"), [("x", None), ("x", b"canary"), ("x", 7), (7, "canary"), ("a b", "canary")])
def test_what_cannot_be_kept_is_refused_without_being_told(keyvault: Keyvault, name: str, value: str):
    with pytest.raises(InvalidInput) as refused:
        keyvault.set_secret(name, value)
    assert "canary" not in str(refused.value)
    assert keyvault.list_secrets() == []


def test_interactive_run_reads_as_its_user(keyvault: Keyvault, experiment: Experiment):
    keyvault.set_secret("mine", "value")
    with experiment.start_logging(snapshot_directory=None) as run:
        assert run.get_secret("mine") == "value"
        assert run.get_secrets(["mine", "other"]) == {"mine": "value", "other": None}
    keyvault.delete_secret("mine")
