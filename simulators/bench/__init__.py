"""How fast the csms is, beside a naive server in the same run: `make bench`."""
