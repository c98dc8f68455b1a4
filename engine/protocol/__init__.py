"""What crosses a wire or lies in a log. Standard library and msgpack; plan_messages, shapes and validation add msgspec."""
