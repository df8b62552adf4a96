"""Datasets: versioned references to tables and files, which copy nothing and read when rows or files are asked for."""
