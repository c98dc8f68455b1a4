"""What runs inside a lane's process. Standard library and msgpack only, but for yolo.py and what it calls."""
