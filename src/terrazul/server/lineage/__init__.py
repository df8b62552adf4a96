"""What was made with what: one table for all concepts, so that lower ones need not know higher ones."""
