"""Malformed input of every kind, what each gets, and that nothing good is lost."""
