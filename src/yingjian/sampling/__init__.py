"""Codes, stations, tubes and swabs: the hot path of the field."""
