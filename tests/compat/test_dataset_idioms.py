"""What public v1 code does with datasets, outside of runs: O3's notebook, and the idioms of others."""

# ruff: noqa: T201, BLE001, PD011  # as notebooks have it

from datetime import datetime
from pathlib import Path

import pandas as pd

from azureml.core import Dataset, Experiment, Workspace
from azureml.core.dataset import Dataset as DatasetOfModule
from azureml.data.datapath import DataPath
from azureml.data.dataset_factory import DataType, FileDatasetFactory, TabularDatasetFactory
from azureml.data.dataset_type_definitions import PromoteHeadersBehavior


def _write_patients(project: Path):
    for number, name in enumerate(("diabetes.csv", "diabetes2.csv")):
        rows = pd.DataFrame(
            {
                "PatientID": range(number * 100, number * 100 + 100),
                "Pregnancies": [row % 9 for row in range(100)],
                "BMI": [20 + row / 7 for row in range(100)],
                "Diabetic": [row % 2 for row in range(100)],
            }
        )
        rows.to_csv(project / "data" / name, index=False)


def test_o03_work_with_data(project: Path, capsys):
    _write_patients(project)
    ws = Workspace.from_config()
    default_ds = ws.get_default_datastore()
    for ds_name in ws.datastores:
        print(ds_name, "- Default =", ds_name == default_ds.name)
    default_ds.upload_files(
        files=["./data/diabetes.csv", "./data/diabetes2.csv"],
        target_path="diabetes-data/",
        overwrite=True,
        show_progress=True,
    )
    tab_data_set = Dataset.Tabular.from_delimited_files(path=(default_ds, "diabetes-data/*.csv"))
    frame = tab_data_set.take(20).to_pandas_dataframe()
    assert frame.shape == (20, 4)
    assert [str(kind) for kind in frame.dtypes] == ["int64", "int64", "float64", "int64"]
    file_data_set = Dataset.File.from_files(path=(default_ds, "diabetes-data/*.csv"))
    for file_path in file_data_set.to_path():
        print(file_path)
    try:
        tab_data_set = tab_data_set.register(
            workspace=ws, name="diabetes dataset", description="diabetes data", tags={"format": "CSV"},
            create_new_version=True,
        )  # fmt: skip
    except Exception as ex:
        print(ex)
    try:
        file_data_set = file_data_set.register(
            workspace=ws, name="diabetes file dataset", description="diabetes files", tags={"format": "CSV"},
            create_new_version=True,
        )  # fmt: skip
    except Exception as ex:
        print(ex)
    for dataset_name in list(ws.datasets.keys()):
        dataset = Dataset.get_by_name(ws, dataset_name)
        print("\t", dataset.name, "version", dataset.version)
    told = capsys.readouterr().out
    assert "workspaceblobstore - Default = True" in told
    assert "/diabetes.csv\n/diabetes2.csv" in told
    assert "\t diabetes dataset version 1" in told
    assert "\t diabetes file dataset version 1" in told
    diabetes_ds = ws.datasets.get("diabetes dataset")
    assert len(diabetes_ds.to_pandas_dataframe()) == 200
    data = diabetes_ds.to_pandas_dataframe()
    x, y = data[["Pregnancies", "BMI"]].values, data["Diabetic"].values
    assert (x.shape, y.shape) == ((200, 2), (200,))


def test_idiom_train_and_test_sets_are_split_and_registered(project: Path):
    _write_patients(project)
    ws = Workspace.from_config()
    datastore = ws.get_default_datastore()
    if "patients" not in ws.datasets:
        datastore.upload(src_dir="data", target_path="patients", overwrite=True, show_progress=False)
        found = TabularDatasetFactory.from_delimited_files(path=DataPath(datastore, "patients/diabetes*.csv"))
        found.register(workspace=ws, name="patients", create_new_version=True)
    dataset = DatasetOfModule.get_by_name(workspace=ws, name="patients")
    train, test = dataset.random_split(percentage=0.8, seed=223)
    train = train.register(workspace=ws, name="train", create_new_version=True)
    test = test.register(workspace=ws, name="test", create_new_version=True)
    assert len(train.to_pandas_dataframe()) + len(test.to_pandas_dataframe()) == 200
    features = train.drop_columns(columns=["PatientID", "Diabetic"])
    labels = train.keep_columns(columns=["Diabetic"], validate=True)
    assert list(features.to_pandas_dataframe()) == ["Pregnancies", "BMI"]
    assert labels.to_pandas_dataframe().values.flatten().tolist() == train.to_pandas_dataframe()["Diabetic"].tolist()
    assert Dataset.get_by_id(ws, id=train.id).name == "train"
    ws.datasets["test"].unregister_all_versions()
    assert sorted(ws.datasets) == ["patients", "train"]


def test_idiom_time_series_with_partitions(project: Path):
    ws = Workspace.from_config()
    datastore = ws.get_default_datastore()
    for month in (1, 2, 3):
        folder = project / "weather" / "2019" / f"{month:02}"
        folder.mkdir(parents=True)
        (folder / "data.csv").write_text(f"datetime,temperature\n2019-{month:02}-15 12:00:00,{month}.5\n")
    FileDatasetFactory.upload_directory(src_dir="weather", target=(datastore, "weather"), show_progress=False)
    dataset = Dataset.Tabular.from_delimited_files(
        path=[(datastore, "weather/2019/*/data.csv")],
        partition_format="weather/{partition_time:yyyy/MM}/data.csv",
        set_column_types={"temperature": DataType.to_float(), "datetime": DataType.to_datetime()},
        header=PromoteHeadersBehavior.ALL_FILES_HAVE_SAME_HEADERS,
    )
    dataset = dataset.with_timestamp_columns(timestamp="datetime", partition_timestamp="partition_time")
    chosen = dataset.time_between(datetime(2019, 1, 20), datetime(2019, 3, 1))  # noqa: DTZ001  # as users write it
    assert chosen.to_pandas_dataframe()["temperature"].tolist() == [2.5]


def test_idiom_data_frame_becomes_a_dataset(project: Path):
    ws = Workspace.from_config()
    datastore = ws.get_default_datastore()
    frame = pd.read_csv("data/cancer.csv")
    dataset = Dataset.Tabular.register_pandas_dataframe(frame, datastore, "cancer", show_progress=False)
    assert dataset.to_pandas_dataframe().shape == frame.shape
    mounted = Dataset.File.from_files((datastore, "**/*.parquet")).mount()
    mounted.start()
    files = list(Path(mounted.mount_point).rglob("*.parquet"))
    assert pd.read_parquet(files[0]).shape == frame.shape
    mounted.stop()


def test_idiom_profile_of_a_dataset(project: Path):
    ws = Workspace.from_config()
    datastore = ws.get_default_datastore()
    datastore.upload_files(["./data/cancer.csv"], target_path="profiled/", overwrite=True, show_progress=False)
    cancer = Dataset.Tabular.from_delimited_files(path=(datastore, "profiled/cancer.csv")).register(ws, "cancer")
    run = cancer.submit_profile_run(compute_target="local", experiment=Experiment(ws, "profile"))
    run.wait_for_completion(show_output=True)
    profile = run.get_profile()
    assert profile.get_producing_run().id == run.id
    assert not profile.is_stale()
    assert profile.columns["Benign"].min == 0
    assert cancer.get_profile(workspace=ws).columns["Benign"].max == 1
    assert [each.id for each in cancer.get_profile_runs(workspace=ws)] == [run.id]
