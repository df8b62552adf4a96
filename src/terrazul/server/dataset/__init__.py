"""Datasets: versioned references to data, with what lay behind each version."""
