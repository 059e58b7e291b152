"""Organisations, users, roles, scope, devices; journal, outbox, clocks, vault."""
