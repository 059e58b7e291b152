"""Regions, grids, households, persons, categories; roster import."""
