"""Reads that more than one caller needs. Nothing here writes or locks."""
