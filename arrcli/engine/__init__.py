"""What moves runs: the planner makes them, the dispatcher settles and claims them, the runner turns the crank."""
