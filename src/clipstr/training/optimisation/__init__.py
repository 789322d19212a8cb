"""How the weights move: optimisers, the schedule, and the average of the weights."""
