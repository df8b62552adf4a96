"""Machines over SSH: the connection that is kept to each, what is laid out there, and what answers there."""
