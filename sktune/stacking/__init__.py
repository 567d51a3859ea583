"""The parts of a stack: weights, mini-batches, programs, losses, dropout, rates, updates."""
