"""Training: masks, magnitude pruning, rewinding, controls, tickets. See docs/training.md."""
