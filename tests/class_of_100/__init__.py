"""A second class, written as a matrix (question and kind): the score due for each follows from the assignments' sources."""
