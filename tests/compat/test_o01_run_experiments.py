"""O1: an interactive run with every usual call, then a script that is submitted, then the history of both."""

import json
import os
import shutil
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import azureml.core
from azureml.core import Environment, Experiment, Run, ScriptRunConfig, Workspace
from azureml.widgets import RunDetails

SCRIPT = """\
from azureml.core import Run
import pandas as pd
import os

run = Run.get_context()
data = pd.read_csv('cancer.csv')
row_count = (len(data))
run.log('observations', row_count)
print('Analyzing {} rows of data'.format(row_count))
counts = data['Benign'].value_counts()
print(counts)
for k, v in counts.items():
    run.log('Label:' + str(k), v)
os.makedirs('outputs', exist_ok=True)
data.sample(100).to_csv("outputs/sample.csv", index=False, header=True)
run.complete()
"""


def test_o01_interactive_run(project: Path):
    workspace = Workspace.from_config()
    assert azureml.core.VERSION
    assert workspace.name == "o01_interactive_run"
    experiment = Experiment(workspace=workspace, name="cancer")
    run = experiment.start_logging(snapshot_directory=None)
    data = pd.read_csv("data/cancer.csv")
    run.log("observations", len(data))
    figure = plt.figure(figsize=(6, 6))
    axes = figure.gca()
    data["Benign"].value_counts().plot.bar(ax=axes)
    run.log_image(name="label distribution", plot=figure)
    categories = data["Benign"].unique()
    run.log_list("categories", categories)
    columns = ["mean radius", "mean texture"]
    statistics = data[columns].describe().to_dict()
    for column, of_column in statistics.items():
        for key, value in of_column.items():
            run.log_row(column, stat=key, value=value)
    data.sample(100).to_csv("sample.csv", index=False, header=True)
    run.upload_file(name="outputs/sample.csv", path_or_stream="./sample.csv")
    run.complete()
    RunDetails(run).show()

    metrics = run.get_metrics()
    assert metrics["observations"] == 569
    assert metrics["categories"] == list(categories)
    assert metrics["mean radius"]["stat"] == ["count", "mean", "std", "min", "25%", "50%", "75%", "max"]
    assert metrics["mean radius"]["value"] == list(statistics["mean radius"].values())
    assert metrics["label distribution"].startswith("aml://artifactId/ExperimentRun/dcid.")
    files = run.get_file_names()
    assert "outputs/sample.csv" in files
    assert [name for name in files if name.startswith("label distribution_") and name.endswith(".png")]

    run.download_files(prefix="outputs", output_directory="downloaded-files")
    assert Path("downloaded-files/outputs/sample.csv").read_bytes() == Path("sample.csv").read_bytes()
    details = run.get_details_with_logs()
    assert details["runId"] == run.id
    assert details["status"] == "Completed"
    assert run.get_status() == "Completed"
    json.dumps(details)


def test_o01_submitted_script(project: Path):
    workspace = Workspace.from_config()
    folder = "cancer-experiment-files"
    os.makedirs(folder, exist_ok=True)
    shutil.copy("data/cancer.csv", os.path.join(folder, "cancer.csv"))
    Path(folder, "cancer_experiment.py").write_text(SCRIPT)
    environment = Environment.from_conda_specification("experiment_env", "environment.yml")
    script_config = ScriptRunConfig(
        source_directory=f"./{folder}", script="cancer_experiment.py", environment=environment
    )
    experiment = Experiment(workspace=workspace, name="cancer")
    run = experiment.submit(config=script_config)
    RunDetails(run).show()
    run.wait_for_completion()

    assert run.get_metrics() == {"observations": 569, "Label:1": 357, "Label:0": 212}
    files = run.get_file_names()
    assert {"outputs/sample.csv", "azureml-logs/70_driver_log.txt"} <= set(files)
    details = run.get_details_with_logs()
    assert "Analyzing 569 rows of data" in details["logFiles"]["azureml-logs/70_driver_log.txt"]
    assert details["runDefinition"]["script"] == "cancer_experiment.py"
    run.get_all_logs(destination="downloaded-logs")
    found = [name for _, _, names in os.walk("downloaded-logs") for name in names]
    assert "70_driver_log.txt" in found

    for logged_run in workspace.experiments["cancer"].get_runs():
        assert isinstance(logged_run, Run)
        assert logged_run.id == run.id
        assert logged_run.get_metrics()["observations"] == 569
    assert run.get_portal_url().startswith("http")
    assert experiment.get_portal_url().startswith("http")


def test_o01_unknown_experiment_is_a_key_error(project: Path):
    workspace = Workspace.from_config()
    assert "nothing" not in workspace.experiments
    with pytest.raises(KeyError):
        workspace.experiments["nothing"]
