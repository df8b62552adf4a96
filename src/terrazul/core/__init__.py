"""What every process of Terrazul shares: ids, errors, clock, settings. Pure Python 3.8, no dependencies."""
