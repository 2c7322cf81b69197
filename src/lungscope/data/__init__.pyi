from .augmentation import Augmentation, augment
from .cache import Cache, default_cache_folder, open_cache
from .check import DataCheck, check_data
from .checks.issue import DataIssue
from .contact_sheet import draw_contact_sheet
from .duplicates import DuplicatePair, cluster_duplicates, find_duplicates
from .fetch import PAPER_SET, Fetched, Record, fetch_dataset
from .index import Entry, Index
from .split import SUBSETS, Split, SplitEntry, Subset
from .splitting import make_folds, make_split
from .survey import ImageRecord, Refused, Survey, require_readable, survey_images

__all__ = [
    "PAPER_SET",
    "SUBSETS",
    "Augmentation",
    "Cache",
    "DataCheck",
    "DataIssue",
    "DuplicatePair",
    "Entry",
    "Fetched",
    "ImageRecord",
    "Index",
    "Record",
    "Refused",
    "Split",
    "SplitEntry",
    "Subset",
    "Survey",
    "augment",
    "check_data",
    "cluster_duplicates",
    "default_cache_folder",
    "draw_contact_sheet",
    "fetch_dataset",
    "find_duplicates",
    "make_folds",
    "make_split",
    "open_cache",
    "require_readable",
    "survey_images",
]
