"""What `check_layers.py` needs: the table of layers, and graphs of modules read from sources."""
