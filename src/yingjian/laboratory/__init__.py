"""Laboratories, receipt, runs, results, release, correction, quality."""
