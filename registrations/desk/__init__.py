"""The desk: the pages on which staff run a distribution, inside Django's admin."""
