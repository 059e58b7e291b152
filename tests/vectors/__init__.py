"""The cases in `vectors/`, which the station's TypeScript runs too, held against the server's own rules."""
