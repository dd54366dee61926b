"""Crontabs, read as cron reads them and written back.

text -read-> lines -jobs-> what cron would run -as_toml-> a tasks file; a tasks file -as_crontab-> text.
"""
