"""Short plays for a central system: each shows one thing that networks of chargers do to it."""
