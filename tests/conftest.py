"""What holds for the whole suite."""

import os

# Several processes share the cores: threads of torch that wait must leave theirs to the others.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
