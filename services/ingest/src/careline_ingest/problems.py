"""What clients of ingest can be told that is no success."""

from careline_common.http.problem import Conflict, InvalidInput


class KindNotAvailable(Conflict):
    type = "kind-not-available"
    title = "This version does not fetch from sources of this kind"


class ArchiveRefused(InvalidInput):
    type = "archive-refused"
    title = "The archive cannot be taken"


class FileUnreadable(InvalidInput):
    type = "file-unreadable"
    title = "The file cannot be read as this source is configured"


class FetchRunning(Conflict):
    type = "fetch-running"
    title = "The source is being fetched just now"


class NoPast(Conflict):
    type = "no-past"
    title = "The server of this source cannot be asked for the past"


class StillQuarantined(InvalidInput):
    type = "still-quarantined"
    title = "The row is still not right"


class ContentErased(Conflict):
    type = "content-erased"
    title = "The content of this row has been erased"


class RunNotEnded(Conflict):
    type = "run-not-ended"
    title = "The run is still reading its file"
