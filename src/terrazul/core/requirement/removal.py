"""Names that old code uses and newer libraries have removed, each with the pin that brings it back."""

from __future__ import annotations

import re
from typing import Dict, Iterator, Optional, Tuple

_NOT_TO_BE_HAD = "not to be had"
_TOO_OLD = f"python<3.8 ({_NOT_TO_BE_HAD}: change the line)"
_REMOVED: Dict[str, str] = {
    "numpy<1.24": "numpy.bool numpy.complex numpy.float numpy.int numpy.long numpy.object numpy.str "
    "numpy.typeDict numpy.unicode",
    "numpy<1.23": "numpy.alen numpy.asscalar",
    "numpy<2": "numpy.Inf numpy.NINF numpy.NaN numpy.PINF numpy.alltrue numpy.asfarray numpy.cast numpy.complex_ "
    "numpy.Infinity numpy.cumproduct numpy.find_common_type numpy.float_ numpy.in1d numpy.infty numpy.mat numpy.msort "
    "numpy.obj2sctype "
    "numpy.product numpy.round_ numpy.sctypes numpy.sometrue numpy.string_ "
    "numpy.trapz numpy.unicode_",
    "scikit-learn<0.20": "sklearn.cross_validation sklearn.grid_search sklearn.learning_curve",
    "scikit-learn<0.22": "sklearn.preprocessing.Imputer sklearn.preprocessing.imputation",
    "scikit-learn<0.23": "sklearn.externals",
    "scikit-learn<0.24": "sklearn.cluster.k_means_ sklearn.datasets.base "
    "sklearn.datasets.samples_generator sklearn.decomposition.pca "
    "sklearn.ensemble.bagging sklearn.ensemble.forest sklearn.ensemble.gradient_boosting "
    "sklearn.ensemble.weight_boosting sklearn.feature_selection.base sklearn.linear_model.base "
    "sklearn.linear_model.coordinate_descent sklearn.linear_model.logistic sklearn.linear_model.ridge "
    "sklearn.linear_model.stochastic_gradient sklearn.metrics.classification sklearn.metrics.ranking "
    "sklearn.metrics.regression sklearn.metrics.scorer sklearn.neighbors.base sklearn.neighbors.classification "
    "sklearn.neural_network.multilayer_perceptron sklearn.preprocessing.data sklearn.preprocessing.label "
    "sklearn.svm.classes sklearn.tree.tree sklearn.utils.safe_indexing sklearn.utils.testing",
    "scikit-learn<1.2": "sklearn.datasets.load_boston sklearn.metrics.plot_confusion_matrix "
    "sklearn.metrics.plot_precision_recall_curve sklearn.metrics.plot_roc_curve",
    "tensorflow<2": "tensorflow.ConfigProto tensorflow.GPUOptions tensorflow.InteractiveSession "
    "tensorflow.Session tensorflow.app tensorflow.contrib tensorflow.estimator.inputs tensorflow.examples "
    "tensorflow.flags tensorflow.get_default_graph tensorflow.get_default_session tensorflow.get_variable "
    "tensorflow.gfile tensorflow.global_variables tensorflow.global_variables_initializer tensorflow.layers "
    "tensorflow.local_variables_initializer tensorflow.log tensorflow.logging "
    "tensorflow.losses.softmax_cross_entropy tensorflow.losses.sparse_softmax_cross_entropy "
    "tensorflow.placeholder tensorflow.placeholder_with_default tensorflow.python_io tensorflow.random_normal "
    "tensorflow.random_uniform tensorflow.reset_default_graph tensorflow.set_random_seed "
    "tensorflow.summary.FileWriter tensorflow.summary.merge_all tensorflow.to_float tensorflow.to_int32 "
    "tensorflow.train.AdagradOptimizer tensorflow.train.AdamOptimizer tensorflow.train.GradientDescentOptimizer "
    "tensorflow.train.MomentumOptimizer tensorflow.train.MonitoredTrainingSession "
    "tensorflow.train.RMSPropOptimizer tensorflow.train.Saver tensorflow.train.Server "
    "tensorflow.train.SessionRunHook tensorflow.train.Supervisor tensorflow.train.get_or_create_global_step "
    "tensorflow.train.replica_device_setter tensorflow.trainable_variables tensorflow.truncated_normal "
    "tensorflow.variable_scope",
    "tensorflow<2.12": "tensorflow.keras.wrappers.scikit_learn",
    "tensorflow<2.16": "tensorflow.estimator",
    "keras<2.4": "keras.backend.tensorflow_backend keras.utils.training_utils",
    "keras<2.6": "keras.layers.normalization.BatchNormalization",
    "keras<2.13": "keras.utils.np_utils",
    "pandas<0.25": "pandas.Panel",
    "pandas<1": "pandas.SparseDataFrame pandas.SparseSeries",
    "pandas<2": "pandas.Float64Index pandas.Int64Index pandas.UInt64Index pandas.core.indexes.numeric "
    "pandas.datetime pandas.io.json.json_normalize pandas.np pandas.util.testing",
    "scipy<1.2": "scipy.misc.imread scipy.misc.imresize scipy.misc.imrotate scipy.misc.imsave scipy.misc.imshow",
    "scipy<1.3": "scipy.misc.comb scipy.misc.factorial scipy.misc.logsumexp",
    "scipy<1.13": "scipy.signal.blackman scipy.signal.gaussian scipy.signal.hamming scipy.signal.hann",
    "scipy<1.14": "scipy.integrate.cumtrapz scipy.integrate.simps scipy.integrate.trapz",
    "pillow<10": "PIL.Image.ANTIALIAS PIL.Image.CUBIC PIL.Image.LINEAR",
    "matplotlib<3.9": "matplotlib.cm.get_cmap",
    "networkx<3": "networkx.from_numpy_matrix networkx.info networkx.to_numpy_matrix",
    "gensim<4": "gensim.summarization",
    "jinja2<3.1": "jinja2.Markup jinja2.contextfilter jinja2.escape",
    "setuptools<81": "pkg_resources",
    "torch<2": "torch._six",
    _TOO_OLD: "cgi.escape platform.dist platform.linux_distribution time.clock",
    "python<3.9": "base64.decodestring base64.encodestring fractions.gcd xml.etree.cElementTree",
    "python<3.10": "collections.Callable collections.Container collections.Generator collections.Hashable "
    "collections.ItemsView collections.Iterable collections.Iterator collections.KeysView collections.Mapping "
    "collections.MappingView collections.MutableMapping collections.MutableSequence collections.MutableSet "
    "collections.Sequence collections.Set collections.Sized collections.ValuesView",
    "python<3.11": "asyncio.coroutine inspect.getargspec",
    "python<3.12": "asynchat asyncore distutils imp smtpd",
}
_REMOVED_KEYWORDS: Dict[str, str] = {
    "pandas.read_csv(error_bad_lines)": "pandas<2",
    "pandas.read_csv(warn_bad_lines)": "pandas<2",
    "sklearn.preprocessing.OneHotEncoder(sparse)": "scikit-learn<1.4",
    "sklearn.preprocessing.OneHotEncoder(categorical_features)": "scikit-learn<0.22",
    "sklearn.metrics.mean_squared_error(squared)": "scikit-learn<1.6",
    "lightgbm.train(early_stopping_rounds)": "lightgbm<4",
    "lightgbm.train(verbose_eval)": "lightgbm<4",
    "pandas.DataFrame.to_csv(line_terminator)": "pandas<2",
    "pandas.concat(join_axes)": "pandas<1",
    "pandas.read_csv(squeeze)": "pandas<2",
    "sklearn.cluster.KMeans(n_jobs)": "scikit-learn<1",
    "sklearn.linear_model.LinearRegression(normalize)": "scikit-learn<1.2",
    "sklearn.linear_model.Lasso(normalize)": "scikit-learn<1.2",
    "sklearn.linear_model.Ridge(normalize)": "scikit-learn<1.2",
    "sklearn.model_selection.GridSearchCV(iid)": "scikit-learn<0.24",
}
_REMOVED_MEMBERS: Dict[str, str] = {
    "pandas<1": "DataFrame.as_matrix DataFrame.get_value DataFrame.ix DataFrame.set_value Series.as_matrix Series.ix",
    "pandas<2": "DataFrame.append DataFrame.iteritems DataFrame.lookup DataFrame.mad DataFrameGroupBy.mad "
    "Series.append Series.iteritems Series.mad",
    "pandas<3": "DataFrame.applymap",
    "scikit-learn<1.2": "ColumnTransformer.get_feature_names CountVectorizer.get_feature_names "
    "DictVectorizer.get_feature_names OneHotEncoder.get_feature_names PolynomialFeatures.get_feature_names "
    "TfidfVectorizer.get_feature_names",
    "tensorflow<2.6": "Functional.predict_classes Sequential.predict_classes Sequential.predict_proba",
    "networkx<2.4": "DiGraph.node Graph.node",
}
_SAID_BY_LIBRARIES = (
    (re.compile(r"`np\.(\w+)` was removed in the NumPy 2\.0 release"), r"numpy.\1", "numpy<2"),
    (re.compile(r"^load\(\) missing 1 required positional argument: 'Loader'"), "yaml.load(stream)", "pyyaml<6"),
    (re.compile(r"^The vocab attribute was removed from KeyedVector in Gensim 4"), "KeyedVectors.vocab", "gensim<4"),
)
_PIN_OF_MEMBER = {name: pin for pin, names in _REMOVED_MEMBERS.items() for name in names.split()}
_PIN_OF_KEYWORD = {name.rpartition(".")[2]: pin for name, pin in _REMOVED_KEYWORDS.items()}
_MEMBER = re.compile(r"'(\w+)' object has no attribute '(\w+)'")
_KEYWORD = re.compile(r"(?:^|\.)(\w+?)(?:\.__init__)?\(\) got an unexpected keyword argument '(\w+)'")
_PIN_OF = {name: pin for pin, names in _REMOVED.items() for name in names.split()}


def trap_in(name: str) -> Optional[Tuple[str, str]]:
    """What was removed of a dotted name, itself or what it is a part of, and the pin that brings it back."""
    return next(((prefix, _PIN_OF[prefix]) for prefix in _prefixes(name) if prefix in _PIN_OF), None)


def pin_for_keyword(function: str, keyword: str) -> Optional[str]:
    """The pin that a keyword of a function needs."""
    return _REMOVED_KEYWORDS.get(f"{function}({keyword})")


def trap_in_message(message: str) -> Optional[Tuple[str, str]]:
    """What an exception's message says that a library no longer has, and the pin that brings it back."""
    member, keyword = _MEMBER.search(message), _KEYWORD.search(message)
    if member and (pin := _PIN_OF_MEMBER.get(f"{member[1]}.{member[2]}")):
        return f"{member[1]}.{member[2]}", pin
    if keyword and (pin := _PIN_OF_KEYWORD.get(f"{keyword[1]}({keyword[2]})")):
        return f"{keyword[1]}({keyword[2]})", pin
    for said, what, pin in _SAID_BY_LIBRARIES:
        if found := said.search(message):
            return found.expand(what), pin
    return None


def advice(pin: str) -> str:
    """What to do about it."""
    if _NOT_TO_BE_HAD in pin:
        return "Change the script: no Python that old can be had."
    return f"Pin {pin} in the environment, or change the script."


def _prefixes(name: str) -> Iterator[str]:
    while name:
        yield name
        name = name.rpartition(".")[0]
