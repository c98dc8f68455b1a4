"""What the screen shows at a moment, as values."""
