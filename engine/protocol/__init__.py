"""What crosses a wire or lies in a log. Standard library and msgpack; validation.py adds msgspec."""
