"""Pure solvers and models: a problem in, a result out. No Django, no clock, no I/O."""
