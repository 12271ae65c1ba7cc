"""What a person sees of the register."""
