"""The activity log: who did what, to which object, when, from where, and with which result."""
