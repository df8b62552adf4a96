"""The HTTP of users, groups, tokens, roles and sessions."""
