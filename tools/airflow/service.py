"""
Airflow's command with OpenMetadata's plug-in loaded, once for all processes that
a service forks: by itself it takes seconds in each that parses a file or runs a
task.
"""

import pipelines  # noqa: F401
from airflow.__main__ import main

main()
