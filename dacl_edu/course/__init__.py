"""The course: checks that answers meet (``dacl_edu.course.check``), and the cycle release, collect, grade."""
