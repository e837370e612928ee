"""From what students handed in to notebooks that can be graded: collect, read, repair."""
