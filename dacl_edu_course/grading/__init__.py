"""From a repaired notebook to marks, gradebook, table and feedback."""
