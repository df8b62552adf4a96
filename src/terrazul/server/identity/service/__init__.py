"""Who may come in and what they may do: signing in, users and their tokens, roles and sharing."""
