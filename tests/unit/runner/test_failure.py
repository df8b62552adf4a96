"""Why a script failed, told from its exit code and the end of its log."""

import pytest

from terrazul.runner.failure import explain, tail_of

TRACEBACK = 'Traceback (most recent call last):\n  File "train.py", line 1, in <module>\n    x\n'


@pytest.mark.parametrize(
    ("last", "message", "hint"),
    [
        ("ModuleNotFoundError: No module named 'lightgbm'", "imports lightgbm", "Add lightgbm"),
        ("ModuleNotFoundError: No module named 'sklearn'", "imports sklearn", "Add scikit-learn"),
        ("ModuleNotFoundError: No module named 'cv2.aruco'", "imports cv2.aruco", "Add opencv-python-headless"),
        ("ModuleNotFoundError: No module named 'sklearn.externals'", "no longer", "Pin scikit-learn<0.23"),
        ("ModuleNotFoundError: No module named 'sklearn.externals.joblib'", "no longer", "Pin scikit-learn<0.23"),
        ("ImportError: cannot import name 'Mapping' from 'collections' (/x)", "does not have it", "python<3.10"),
        ("ImportError: libGL.so.1: cannot open shared object file", "libGL.so.1", ""),
        ("AttributeError: module 'numpy' has no attribute 'float'.", "numpy.float", "Pin numpy<1.24"),
        ("AttributeError: module 'numpy' has no attribute 'float_'", "numpy.float_", "Pin numpy<2"),
        ("AttributeError: module 'mine' has no attribute 'thing'", "AttributeError: module 'mine'", ""),
        ("AttributeError: `np.Inf` was removed in the NumPy 2.0 release. Use", "uses numpy.Inf", "Pin numpy<2 in"),
        ("AttributeError: 'DataFrame' object has no attribute 'append'", "uses DataFrame.append", "Pin pandas<2"),
        ("AttributeError: 'DataFrame' object has no attribute 'price'", "attribute 'price'", ""),
        (
            "AttributeError: 'CountVectorizer' object has no attribute 'get_feature_names'. Did you mean: 'fit'?",
            "CountVectorizer.get_feature_names",
            "Pin scikit-learn<1.2",
        ),
        (
            "TypeError: OneHotEncoder.__init__() got an unexpected keyword argument 'sparse'",
            "OneHotEncoder(sparse)",
            "Pin scikit-learn<1.4",
        ),
        (
            "TypeError: NDFrame.to_csv() got an unexpected keyword argument 'line_terminator'. Did you mean",
            "to_csv(line_terminator)",
            "Pin pandas<2",
        ),
        (
            "TypeError: __init__() got an unexpected keyword argument 'sparse'",
            "unexpected keyword argument 'sparse'",
            "",
        ),
        ("TypeError: load() missing 1 required positional argument: 'Loader'", "yaml.load(stream)", "Pin pyyaml<6"),
        ("ImportError: cannot import name 'joblib' from 'sklearn.externals' (/x)", "joblib", "Pin scikit-learn<0.23"),
        ("ModuleNotFoundError: No module named 'pkg_resources'", "no longer", "Pin setuptools<81"),
        ("ModuleNotFoundError: No module named 'pandas.core.indexes.numeric'", "no longer", "Pin pandas<2"),
        ("AttributeError: module 'time' has no attribute 'clock'", "uses time.clock", "Change the script"),
        ("MemoryError", "out of memory: MemoryError", "less memory"),
        ("numpy.core._exceptions._ArrayMemoryError: Unable to allocate 9 TiB", "_ArrayMemoryError", ""),
        ("torch.cuda.OutOfMemoryError: CUDA out of memory. Tried", "out of memory", "less memory"),
        ("FileNotFoundError: [Errno 2] No such file or directory: 'data.csv'", "the file 'data.csv'", "snapshot"),
        ("SyntaxError: invalid syntax", "not valid Python", "file and line"),
        ("ValueError: x must be positive", "ValueError: x must be positive", ""),
        ("my.package.SpecialError: oh", "SpecialError: oh", ""),
        ("KeyboardInterrupt", "KeyboardInterrupt", ""),
        ("queue.Empty", "failed with Empty", ""),
        ("terrazul.core.errors.CapabilityNotAvailable: X is not there yet", "CapabilityNotAvailable: X is not", ""),
    ],
)
def test_last_exception_is_the_cause(last: str, message: str, hint: str):
    error = explain(1, tail_of((TRACEBACK + last + "\n").encode(), 10), "log")
    assert message in error.message
    assert hint in error.hint
    assert (error.exit_code, error.last_error_line, error.log_line, error.code) == (1, last, 13, "UserError")


def test_further_lines_of_an_exception_do_not_hide_it():
    error = explain(1, tail_of((TRACEBACK + "mine.Refused: not this one\nTake another.\n").encode(), 1))
    assert error.message == "The script failed with Refused: not this one."
    assert error.last_error_line == "mine.Refused: not this one"


@pytest.mark.parametrize(
    ("exit_code", "log", "message"),
    [
        (-9, "", "probably ran out of memory"),
        (137, "Killed\n", "probably ran out of memory"),
        (-11, "", "signal 11 (a memory access"),
        (-15, "", "signal 15"),
        (3, "giving up\n", "exit code 3"),
        (1, "", "exit code 1"),
        (127, "sh: 1: tarin: not found\n", "A command was not found: sh: 1: tarin: not found"),
        (127, "tarin: No such file or directory\n", "A command was not found: tarin: No such file"),
        (2, "ValueError: only talked about\nmore\n", "exit code 2"),
        (2, "  indented\nDone\n", "exit code 2"),
    ],
)
def test_exit_code_is_the_cause(exit_code: int, log: str, message: str):
    assert message in explain(exit_code, tail_of(log.encode())).message


def test_colours_progress_bars_and_bytes_do_not_confuse():
    log = b"10%\r20%\r\x1b[31mValueError\x1b[0m\xff\n" + TRACEBACK.encode() + b"\x1b[1mValueError: red\x1b[0m\r\n\n"
    error = explain(1, tail_of(log))
    assert error.message == "The script failed with ValueError: red."
    assert error.log_line is None


def test_exception_in_the_middle_of_a_chain_is_not_the_cause():
    chained = TRACEBACK + "KeyError: 'a'\n\nDuring handling of the above exception, another exception occurred:\n\n"
    assert "RuntimeError: b" in explain(1, tail_of((chained + TRACEBACK + "RuntimeError: b\n").encode())).message
