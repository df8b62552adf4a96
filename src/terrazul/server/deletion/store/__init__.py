"""The rows of deletions, and the statements that find, hide and remove what they are about."""
