"""What is recorded and documented as working is what the code does."""

import json
from pathlib import Path

from terrazul.compatibility import status, surface, table
from terrazul.compatibility.differences import DIFFERENCES
from terrazul.compatibility.status import Status, Support

DOCUMENTATION = Path(__file__).parents[3] / "docs" / "compatibility"
RENEW = "run `make compatibility` and commit what it writes"


def test_record_of_what_is_not_there_yet_is_up_to_date():
    assert json.loads(Path(status.__file__).with_name("not_yet.json").read_text()) == status.measure(), RENEW


def test_documentation_is_up_to_date():
    written = {page.name: page.read_text(encoding="utf-8") for page in DOCUMENTATION.glob("*.md")}
    assert written == table.pages(), RENEW


def test_differences_name_what_v1_has_and_what_is_there():
    for name in DIFFERENCES:
        home, _, member = name.rpartition(".")
        owner = surface.find(home)
        found = owner.members.get(member) if isinstance(owner, surface.Class) else surface.find(name)
        assert found, name
        assert status.of(home, member).support is Support.DIFFERS, name


def test_status_of_a_class_holds_for_its_members():
    assert status.of("azureml.pipeline.core.pipeline.Pipeline", "submit") == Status(Support.NOT_YET, "pipelines")
    assert status.of("azureml.exceptions.WebserviceException", "__init__").support is Support.WORKS


def test_every_base_of_the_surface_has_facts():
    for module in surface.modules():
        for facts in module.classes.values():
            assert all(surface.find(base) for base in facts.bases), facts.home
