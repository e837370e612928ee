"""The course: checks that answers meet (``dacl_edu.check``), and the cycle release, collect, grade."""
