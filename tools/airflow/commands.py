"""
Airflow's own command line for tools/real-airflow: its parser and its commands,
in one process, as each start of one takes seconds.

commands.py tell      runs the command in each line of the input, words as a JSON array;
                      "plug-in", "delete", DAG is not Airflow's but OpenMetadata's
commands.py ask DAG   what it says of the scheduler and of DAGs: one JSON document
"""

import contextlib
import io
import json
import sys

import airflow
from airflow.cli import cli_parser

parser = cli_parser.get_parser()
is_old = airflow.__version__.startswith("2.")


def command(*words):
    """The output of a command, and what it ended with: None, or what is wrong."""
    output = io.StringIO()
    end = None
    try:
        with contextlib.redirect_stdout(output):
            arguments = parser.parse_args(words)
            arguments.func(arguments)
    except SystemExit as stop:
        end = str(stop.code) if stop.code else None
    except Exception as error:
        end = f"{type(error).__name__}: {error}"
    return output.getvalue().strip(), end


def rows(*words):
    """The rows of a command that lists: None, and why, if there are none."""
    output, end = command(*words, "--output", "json")
    start = output.find("[{")  # log lines may come first
    if end or start < 0:
        return [], end or output or "no output"
    return json.loads(output[start:]), None


def ask(dag_ids):
    several = ("--allow-multiple", "--limit", "100")
    output, end = command("jobs", "check", "--job-type", "SchedulerJob", *several)
    answer = {
        "version": airflow.__version__,
        "scheduler": end is None,
        "jobs_check": output or end,
        "dags": {},
    }
    for dag_id in dag_ids:
        runs, error = rows("dags", "list-runs", *(["-d"] if is_old else []), dag_id)
        for run in runs:
            run["tasks"], run["error"] = rows("tasks", "states-for-dag-run", dag_id, run["run_id"])
        answer["dags"][dag_id] = {"runs": runs, "error": error}
    return answer


def delete(dag_id):
    """What the plug-in does when OpenMetadata deletes a pipeline."""
    from openmetadata_managed_apis.operations.delete import delete_dag_id

    response = delete_dag_id(dag_id)
    return response.get_data(as_text=True), None if response.status_code == 200 else response.status


def tell(lines):
    failed = 0
    for line in lines:
        words = json.loads(line)
        output, end = delete(words[2]) if words[0] == "plug-in" else command(*words)
        if end:
            failed += 1
            print(line.strip(), end, output[-500:], sep="\n", file=sys.stderr)
    return failed


if sys.argv[1] == "tell":
    sys.exit(tell(sys.stdin))
json.dump(ask(sys.argv[2:]), sys.stdout)
