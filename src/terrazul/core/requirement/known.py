"""Names that environments ask for often, so that a misspelt one can be told from what is meant."""

from __future__ import annotations

import difflib
import re

from terrazul.core.requirement.pip import normalised

PACKAGE_OF_MODULE = {
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
"""What is imported by another name than it is installed by."""

_MISSING = re.compile(r"\b([A-Za-z0-9][\w.-]*) was not found in the (?:package registry|provided package locations)")
_CLOSE = 0.75
_MOST = 3

_NAMES = """
    absl-py adlfs aiohttp albumentations altair arch arviz astropy attrs autogluon azure-core azure-cosmos
    azure-identity azure-keyvault azure-keyvault-secrets azure-servicebus azure-storage-blob azure-storage-file-datalake
    azure-storage-queue backoff bayesian-optimization beautifulsoup4 bokeh boto3 bottleneck cachetools catboost
    category-encoders causalml cffi chainer click cloudpickle coloredlogs colorama configparser convertdate coverage
    cryptography cufflinks cupy cvxpy cycler cython dash dask databricks-cli databricks-connect datasets deepspeed dill
    distributed docopt dowhy duckdb econml elasticsearch emoji eli5 ephem evaluate fairlearn faiss-cpu fastai fastapi
    fastparquet featuretools filelock fire flake8 flask flask-cors fsspec fuzzywuzzy gensim geopandas geopy gitpython
    google-cloud-storage gputil graphviz grpcio gunicorn gym h5py holidays horovod huggingface-hub hyperopt imageio
    imageio-ffmpeg imbalanced-learn imgaug imutils inference-schema interpret interpret-community ipykernel ipython
    ipywidgets isodate jaxlib jax jinja2 joblib jsonlines jsonpickle jsonschema jupyter jupyterlab kaggle keras
    keras-applications keras-preprocessing kiwisolver librosa lightgbm lightning lime llvmlite loguru lunarcalendar lxml
    markdown matplotlib mlflow mlflow-skinny mock monai more-itertools mpi4py mxnet mypy mysql-connector-python
    nbconvert nbformat networkx nibabel nltk notebook numba numexpr numpy nvidia-ml-py onnx onnxconverter-common
    onnxmltools onnxruntime onnxruntime-gpu opencensus opencensus-ext-azure opencv-contrib-python opencv-python
    opencv-python-headless openpyxl openai optuna packaging pandas pandas-profiling papermill paramiko pathlib2 patsy
    peft phik pillow plotly plotnine pmdarima polars pre-commit prettytable prometheus-client prophet protobuf psutil
    psycopg2-binary py-cpuinfo pyarrow pyasn1 pycocotools pycaret pycryptodome pydantic pydicom pydot pygithub pyjwt
    pylint pymc pymongo pymssql pymysql pynvml pyodbc pyopenssl pyparsing pypdf2 pyspark pystan pytest pytest-cov
    pytest-mock python-dateutil python-dotenv python-docx pytorch-lightning pytz pyyaml pyzmq qgrid raiwidgets rasterio
    ray redis regex requests responsibleai retry rich ruamel-yaml s3fs sacremoses salib scikit-image scikit-learn
    scikit-optimize scikit-plot scipy scrapy seaborn sentencepiece sentence-transformers seqeval setuptools shap shapely
    simpleitk six skl2onnx smart-open snowflake-connector-python spacy sqlalchemy sqlparse statsforecast statsmodels
    streamlit supervisor sympy tables tabulate tenacity tensorboard tensorboardx tensorflow tensorflow-cpu
    tensorflow-datasets tensorflow-estimator tensorflow-hub tensorflow-probability tensorflow-text termcolor textblob
    tf-keras theano thop threadpoolctl tifffile timm tokenizers toml toolz torch torchaudio torchmetrics torchtext
    torchvision tornado tqdm transformers tsfresh typing-extensions tzlocal ujson umap-learn unidecode urllib3 uvicorn
    wandb watchdog werkzeug wheel wordcloud wrapt xarray xgboost xlrd xlsxwriter xmltodict yellowbrick zarr
"""


def similar(name: str) -> list[str]:
    """The known names that are closest to one, the closest first."""
    imported = PACKAGE_OF_MODULE.get(name)
    return [imported] if imported else difflib.get_close_matches(normalised(name), _NAMES.split(), _MOST, _CLOSE)


def missing_in(reason: str) -> str:
    """The package that uv says no index has; empty where it says something else."""
    found = _MISSING.search(reason)
    return found[1] if found else ""
