"""What stands between the network and the application: TLS, names, origins, limits."""
