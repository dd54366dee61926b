"""Is the installation well? Each examination looks at one thing, changes nothing, and says how to mend what is not.

finding, subject: values | program, machine, files, state, worker: the examinations | examine: one after another.
"""
