"""MLflow's REST protocol, for whoever answers it (the server, and the relay): messages, rules and errors."""
