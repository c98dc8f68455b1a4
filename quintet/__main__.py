"""`python -m quintet` is `quintet`."""

from quintet.cli import main

main()
