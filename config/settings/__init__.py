"""Settings by occasion: base, test."""
