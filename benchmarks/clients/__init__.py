"""Load on the HTTP API, from a process of its own."""
