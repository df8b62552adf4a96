"""The tables of users, of what they may do, and of tokens."""
