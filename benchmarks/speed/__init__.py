"""How fast the service is over HTTP, beside the same SQL without a framework (the floor)."""
