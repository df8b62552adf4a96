"""What crosses a process border: one module per concept, frozen dataclasses, the only copy of each shape.

The server decodes and validates them with msgspec, the SDK with ``wire.codec``. Annotations use the ``typing`` names,
since Python 3.8 evaluates them.
"""
