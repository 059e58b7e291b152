"""Institutions, people, qualifications, teams, shifts, training."""
