"""The screen. It shows what the journal says and sends commands; it holds no truth of its own."""
