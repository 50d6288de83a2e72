"""One run under torch.profiler: regions, operators, calls over time, memory, and the trace."""

from analysis.profiling.run_profile.comparison import RegionDifference, compare_profiles
from analysis.profiling.run_profile.log_folder import trace_path, zipped
from analysis.profiling.run_profile.profile_pass import PassProfile, profile_pass
from analysis.profiling.run_profile.subject import Subject, load_subject, subject_of
from analysis.profiling.run_profile.tables import OperatorCost, RegionCost
from analysis.profiling.run_profile.timeline import FlameSpan, MemoryPoint

__all__ = [
    "FlameSpan",
    "MemoryPoint",
    "OperatorCost",
    "PassProfile",
    "RegionCost",
    "RegionDifference",
    "Subject",
    "compare_profiles",
    "load_subject",
    "profile_pass",
    "subject_of",
    "trace_path",
    "zipped",
]
