"""Plans, their execution as a state machine, and the simulated machine. Pure."""
