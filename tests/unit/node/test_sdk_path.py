"""The copy of the SDK that scripts import is whole: nothing is missing in it that a name needs."""

import subprocess
import sys
from pathlib import Path

from terrazul.node import sdk_path

SCRIPT = """\
from azureml.core import Dataset, Datastore, LinkedService
from azureml.data import OutputFileDatasetConfig
from terrazul.core.errors import CapabilityNotAvailable
try:
    LinkedService("workspace")
except CapabilityNotAvailable as error:
    print(error.target, LinkedService.__module__)
print(Datastore.__name__, Dataset.File.__name__, OutputFileDatasetConfig("made").arg_val)
"""


def test_script_finds_v1_names_in_the_copy_alone(tmp_path: Path):
    copy = sdk_path.provide(tmp_path)
    command = [sys.executable, "-S", "-c", SCRIPT]
    answer = subprocess.run(command, env={"PYTHONPATH": str(copy)}, check=True, capture_output=True, text=True)
    assert answer.stdout.split() == [
        "LinkedService", "azureml.core.linked_service",
        "Datastore", "FileDatasetFactory", "DatasetOutputConfig:made",
    ]  # fmt: skip


def test_copy_is_made_once_for_its_content(tmp_path: Path):
    assert sdk_path.provide(tmp_path) == sdk_path.provide(tmp_path)
