"""Tasks files read, checked and written: the only rooms that know TOML and line numbers.

text -read-> tables -given-> values (types, unknown keys) -build-> Task, Pool, TasksFile (zones, schedules, names);
every fault is collected on the way, and placed in the text only when there is one.
"""
