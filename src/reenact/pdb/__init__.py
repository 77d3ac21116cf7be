"""`reenact pdb`: pdb's commands on a recording, forwards and backwards."""
