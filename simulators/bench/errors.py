"""What can go wrong in a measurement."""


class BenchError(Exception):
    """Why there is no figure, in a sentence; the program prints it and ends with 1."""
