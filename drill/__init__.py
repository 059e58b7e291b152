"""The drill drives a running system through its HTTP API, from outside the house."""
