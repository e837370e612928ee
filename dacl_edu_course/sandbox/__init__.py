"""Where a student's cells run while grading: a process of its own that can compute, and hardly anything else."""
