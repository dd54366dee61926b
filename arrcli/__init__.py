"""cron for Python callables: one command, one TOML file, no broker."""
