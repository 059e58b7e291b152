"""The console in a real browser before the real system: what its users see, in both languages and on both screens."""
