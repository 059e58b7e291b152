"""Settings, addresses, the embedded database and the process tree."""
