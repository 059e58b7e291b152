"""Quarantine places, stays, daily checks, release; checkpoints; disinfection orders."""
