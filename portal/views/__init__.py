"""Pages: one module per place, each with its `routes`."""
