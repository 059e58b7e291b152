"""Protocol presets, campaigns, rounds, the due list, closing."""
