"""Data for training: sources that a job may name, uploads, and how examples are split."""

from core.datasets.canonical import read_canonical, write_canonical
from core.datasets.fields import Field
from core.datasets.load import facts_of, load_source, source_of
from core.datasets.preview import preview
from core.datasets.source import Dataset, DatasetFacts, DatasetSource, Task
from core.datasets.splits import Parts, Protocol, Replicate, Split, parts_of, sizes
from core.datasets.upload import Reading, read_upload, upload_sha256
from core.datasets.upload_spec import Image, UploadLimits, UploadSpec
from core.datasets.uploaded import Uploaded
from core.term import load_plugins

__all__ = [
    "Dataset",
    "DatasetFacts",
    "DatasetSource",
    "Field",
    "Image",
    "Parts",
    "Protocol",
    "Reading",
    "Replicate",
    "Split",
    "Task",
    "UploadLimits",
    "UploadSpec",
    "Uploaded",
    "facts_of",
    "load_source",
    "parts_of",
    "preview",
    "read_canonical",
    "read_upload",
    "sizes",
    "source_of",
    "upload_sha256",
    "write_canonical",
]

load_plugins(__name__, __path__)
