"""Records defined by forms; tasks, findings, rectification."""
