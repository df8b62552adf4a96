"""Who calls, by which token, and what they may do."""
