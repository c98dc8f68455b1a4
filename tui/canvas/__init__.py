"""What is drawn on: text of a known width, plots, digits, and the widget that repaints only what changed."""
