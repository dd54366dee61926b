"""What only the operating system knows: locks, wake-ups, processes, permissions, the service manager."""
