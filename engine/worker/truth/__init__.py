"""Ground truth from where people have it: every form becomes Ultralytics' own label text, and one path checks that.

Whatever `model.val` would leave out is left out here too, counted, and the first of it named.
"""
