"""Pure ground floor: ids, clock, errors, ranges. Imports nothing but the standard library."""
