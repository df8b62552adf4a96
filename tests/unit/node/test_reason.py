"""What uv's output says went wrong, in one line."""

import pytest

from terrazul.node.environment.uv import reason_in

UNSOLVABLE = """Using Python 3.8.18 environment at: e
error: No solution found when resolving dependencies
  cause: Because there is no version of pandas==99 and you require pandas==99, your requirements are unsatisfiable.
"""
UNBUILDABLE = """Resolved 6 packages in 647ms
error: Failed to build `numpy==1.14.6`
  cause: The build backend returned an error
  cause: Call to `build_wheel` failed (exit status: 1)

         [stderr]
         Running from numpy source directory.
         Traceback (most recent call last):
         ModuleNotFoundError: No module named 'distutils.msvccompiler'

hint: This error likely indicates something.
"""
DEPRECATED = """error: Failed to build `sklearn==0.0`
  cause: The build backend returned an error

         [stderr]
         The 'sklearn' PyPI package is deprecated, use 'scikit-learn'
         rather than 'sklearn' for pip commands.
"""


@pytest.mark.parametrize(
    ("output", "parts"),
    [
        (UNSOLVABLE, ["No solution found", "no version of pandas==99"]),
        (UNBUILDABLE, ["Failed to build `numpy==1.14.6`", "No module named 'distutils.msvccompiler'"]),
        (DEPRECATED, ["`sklearn==0.0`", "use 'scikit-learn'"]),
        ("something else\nlast words\n", ["last words"]),
        ("", ["no reason"]),
    ],
)
def test_reason_names_the_package_and_what_was_said(output: str, parts: list[str]):
    reason = reason_in(output)
    assert all(part in reason for part in parts), reason
    assert "\n" not in reason
