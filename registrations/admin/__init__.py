"""The desk: everything that staff do, inside Django's admin.

Pages read through `queries` and act through one service call; `deeds` are what can be done to
registrations that stand already, `bookings` makes new ones, `day` is the gate.
"""

from registrations.admin import households, links, registrations

__all__ = ["households", "links", "registrations"]
