"""The version of every part of Terrazul."""

__version__ = "0.1.0"
