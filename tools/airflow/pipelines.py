"""
The DAGs of tools/real-airflow: made by OpenMetadata's own plug-in, of pipelines
that do nothing but what their file says.

The plug-in draws a run's id whenever a DAG file is parsed, and hands it to the
task: "drawn".  What it is after 2.0 can be had nowhere yet; "carried" does as is
known of it: the id comes with the trigger, or is computed from the dag run's.
"""

import json
import os
import time
import uuid

import psycopg2
from metadata.generated.schema.entity.services.ingestionPipelines import ingestionPipeline
from metadata.generated.schema.metadataIngestion.workflow import OpenMetadataWorkflowConfig
from openmetadata_managed_apis.workflows.ingestion.common import build_dag


def deploy(file):
    """The DAG of the pipeline whose description lies beside its DAG file."""
    with open(os.path.splitext(file)[0] + ".json") as description:
        plan = json.load(description)
    # nobody listens there: whatever the plug-in reports of its own accord is lost
    server = {
        "hostPort": "http://127.0.0.1:1/api",
        "authProvider": "openmetadata",
        "securityConfig": {"jwtToken": "none"},
    }
    source_config = {"config": {"type": "DatabaseMetadata"}}
    pipeline = ingestionPipeline.IngestionPipeline.model_validate(
        {
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, plan["fqn"])),
            "name": plan["name"],
            "displayName": plan["name"],
            "fullyQualifiedName": plan["fqn"],
            "pipelineType": "metadata",
            "service": {"id": str(uuid.uuid4()), "type": "databaseService", "name": "real"},
            "sourceConfig": source_config,
            "openMetadataServerConnection": server,
            "airflowConfig": {
                "scheduleInterval": plan["schedule"],
                "startDate": "2026-01-01T00:00:00Z",
                "pausePipeline": plan["paused"],
            },
        }
    )
    workflow_config = OpenMetadataWorkflowConfig.model_validate(
        {
            "source": {"type": "mysql", "serviceName": "real", "sourceConfig": source_config},
            "sink": {"type": "metadata-rest", "config": {}},
            "workflowConfig": {"openMetadataServerConfig": server},
            "ingestionPipelineFQN": plan["fqn"],
        }
    )

    def work(workflow_config, **context):
        run(plan, str(workflow_config.pipelineRunId.root), context)

    return build_dag("ingestion_task", pipeline, workflow_config, work)


def run(plan, drawn, context):
    """Say "running" as the workflow does at its start, then do as planned."""
    dag_run = context["dag_run"]
    run_id = drawn
    if plan["era"] == "carried":
        run_id = (dag_run.conf or {}).get("pipelineRunId") or str(
            uuid.uuid5(uuid.NAMESPACE_URL, f"openmetadata:{dag_run.dag_id}:{dag_run.run_id}")
        )
    with open("/proc/self/stat") as stat:
        began_ticks = int(stat.read().rpartition(")")[2].split()[19])
    try_number = context["ti"].try_number
    began = (plan["fqn"], run_id, dag_run.run_id, try_number, os.getpid(), began_ticks)
    connection = psycopg2.connect(os.environ["REAL_OPENMETADATA"])
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT real.begin_run(%s, %s, %s, %s, %s, %s)", began)
    connection.close()
    time.sleep(plan["seconds"])
    # the report of the end is lost
    if plan["fails"]:
        raise RuntimeError("as planned")
