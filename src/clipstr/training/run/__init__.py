"""A run from its first step to its last: the loop, its processes, and what it leaves behind."""
