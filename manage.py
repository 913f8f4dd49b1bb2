#!/usr/bin/env python
import sys

if __name__ == "__main__":
    from freshtrak.environment import require_settings

    require_settings()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
