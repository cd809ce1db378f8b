"""Retrains the model "memory" every night, with Airflow 2.4 or newer and apache-airflow-providers-apache-spark."""

from datetime import datetime, timedelta

from airflow import DAG
from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator

with DAG(
    dag_id="recall_retrain_memory",
    schedule="0 1 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,  # no two at a time; Recall's own lease keeps runs from elsewhere apart
    default_args={
        "retries": 2,  # each goes on with the attempt before: the scheduled time is the same
        "retry_delay": timedelta(minutes=5),
        "execution_timeout": timedelta(hours=6),
        "email_on_failure": True,
        "email": ["ops@example.org"],
    },
) as dag:
    SparkSubmitOperator(
        task_id="retrain",
        conn_id="spark_default",  # master yarn or spark://HOST:7077, deploy mode client
        application="/opt/recall/job/target/recall.jar",
        java_class="dev.recall.job.Main",
        properties_file="/opt/recall/conf/spark-yarn.properties",
        application_args=[
            "retrain",
            "--registry", "hdfs:///recall/models",
            "--name", "memory",
            "--scheduled", "{{ data_interval_end.strftime('%Y-%m-%dT%H:%M:%SZ') }}",
            "--until", "{{ data_interval_end.strftime('%Y-%m-%dT06:00:00Z') }}",
            "--summary", "hdfs:///recall/summaries/memory-{{ ds }}.json",
        ],
    )
