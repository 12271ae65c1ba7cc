"""Pages of the public zone, and those inside from which it is filled."""
