"""The equations in NumPy, one number at a time, the sums written as they are printed.

Nothing here knows torch or :mod:`dacl_edu.losses`: a value is never compared with a relative of itself. Arrays come
in and go out; all is computed in float64. Tests, the checks of answers and the grader of a course share it. One module
a topic; import a module by its path.
"""
