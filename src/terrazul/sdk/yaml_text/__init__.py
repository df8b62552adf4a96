"""The YAML of conda files, run configurations and v1's exports, with the standard library alone.

Read are block and flow maps and lists, plain, quoted, literal and folded texts, and comments, with YAML 1.1's scalars
as PyYAML reads them. Anchors, aliases, tags, complex keys and several documents are refused with line and reason.
"""

from terrazul.sdk.yaml_text.reader import load
from terrazul.sdk.yaml_text.writer import dump

__all__ = ["dump", "load"]
