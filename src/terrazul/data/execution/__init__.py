"""Carries out the plan of a table: a polars frame over files that lie on this machine.

The modules here import polars, which the SDK needs for nothing else. Who imports one of them asks
``libraries.need("polars")`` before, so that an error says how to get it.
"""
