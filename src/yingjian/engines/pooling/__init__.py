"""How many swabs to a tube: `dorfman` in closed form, `homes` with households, `choice` by area."""
