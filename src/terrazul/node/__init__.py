"""What every process on a compute shares: environments, files by content, the link to the server, logs, processes."""
