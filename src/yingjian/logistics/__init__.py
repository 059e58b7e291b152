"""Boxes, manifests, vehicles, hand-overs; supplies as a ledger; waste."""
