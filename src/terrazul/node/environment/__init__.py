"""Environments on a compute: from a definition to an interpreter that has what it asks for.

``plan`` decides (without a network or a process), ``build`` does, once per content.
"""
