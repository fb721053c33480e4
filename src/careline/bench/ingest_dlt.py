"""The peer: dlt merges the same file into the same PostgreSQL. Run by the Python of dlt's own environment.

Arguments: the database's URL, the file's folder, its name, a folder for the pipeline's files. dlt's own CSV
reader (`filesystem | read_csv`, by pandas, in chunks as it comes), its own loader and merge strategy, values as
text: everything that is not named here is its default. Writes one JSON object.
"""

import json
import os
import re
import sys
from pathlib import Path
from time import perf_counter

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"

import dlt
from dlt.sources.filesystem import filesystem, read_csv


def main() -> None:
    url, folder, name, work = sys.argv[1:5]
    url = re.sub(
        r"(//[^/@]*@)/", r"\1localhost/", url
    )  # it wants a host, and libpq takes the socket
    pipeline = dlt.pipeline(
        "careline_bench",
        destination=dlt.destinations.postgres(url),
        dataset_name="dlt_bench",
        pipelines_dir=work,
    )
    files = filesystem(bucket_url=Path(folder).as_uri(), file_glob=name)
    reader = read_csv(sep=";", encoding="cp1251", dtype=str, keep_default_na=False)
    rows = (files | reader).with_name("record")
    rows.apply_hints(write_disposition="merge", primary_key="external_id")
    began = perf_counter()
    pipeline.run(rows)
    seconds = perf_counter() - began
    counts = pipeline.last_trace.last_normalize_info.row_counts
    with (
        pipeline.sql_client() as client,
        client.execute_query("SELECT count(*) FROM record") as found,
    ):
        kept = found.fetchone()[0]
    told = {"seconds": seconds, "rows": counts["record"], "kept": kept, "version": dlt.__version__}
    sys.stdout.write(json.dumps(told) + "\n")


main()
