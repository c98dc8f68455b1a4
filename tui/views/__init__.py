"""How the parts of the screen are drawn."""
