"""The queue: runs that wait for a compute target, and the dispatcher that claims them."""
