"""The equations in NumPy, one number at a time, the sums written as they are printed.

Nothing here knows torch or :mod:`dacl_edu.losses`: a value is never compared with a relative of itself. Arrays come
in and go out; all is computed in float64. Everywhere ``x`` are the features (m, d), ``a`` their attention (m, d), ``y``
the class indices 0 .. K-1 (m,), ``c`` the centers (K, d), and ``eps`` is ε, added to the count of each class. Tests,
the checks of answers and the grader of a course share it. One module a topic; import a module by its path.
"""
