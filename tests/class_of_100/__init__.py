"""A second class, written as a matrix of questions and kinds: the scores due follow from the assignments' sources."""
