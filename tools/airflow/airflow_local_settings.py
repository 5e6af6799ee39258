"""
Airflow's services load OpenMetadata's plug-in once, for all that they fork: by
itself it takes seconds in each process that parses a file or runs a task.
"""

import os

if os.environ.get("REAL_AIRFLOW", "").endswith((" service scheduler", " service processor")):
    import pipelines  # noqa: F401
