"""The desk: the pages in Django's admin where staff run a distribution."""
