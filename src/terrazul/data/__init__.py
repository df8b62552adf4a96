"""Data: how its bytes are reached, what is done with it, and where a machine keeps what it has brought.

Standard library alone; what needs a table library imports it in the function that does.
"""
