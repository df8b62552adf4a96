"""The process that holds the entry script, in whatever Python its environment has: standard library, 3.8."""
