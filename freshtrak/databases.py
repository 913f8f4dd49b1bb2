"""The two databases by name. Nothing else in the project spells an alias."""

PRIVATE = "default"
"""freshtrak_private: ours to migrate; registrations, audit, and Django's own tables."""

PUBLIC = "freshtrak_public"
"""freshtrak_public: PantryTrak's; four tables to read, two counters to keep."""
