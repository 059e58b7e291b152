"""Figures, reports, read models, supervision: reads every room, writes only itself."""
