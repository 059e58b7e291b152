"""Flagged pools, rechecks, positives, notices, investigations and contacts."""
