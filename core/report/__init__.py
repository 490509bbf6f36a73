"""Rows in, report out: statistics, verdict, figures and their renderings. Pure, no I/O."""

from core.report.build import build_report
from core.report.figures import Figure, curves_wanted, figure, figures, with_figures
from core.report.image import figure_png, figure_svg
from core.report.page import to_html
from core.report.records import CurveRecord, JobRecord, RunRecord
from core.report.render import to_csv, to_json, to_markdown
from core.report.report import Report

__all__ = [
    "CurveRecord",
    "Figure",
    "JobRecord",
    "Report",
    "RunRecord",
    "build_report",
    "curves_wanted",
    "figure",
    "figure_png",
    "figure_svg",
    "figures",
    "to_csv",
    "to_html",
    "to_json",
    "to_markdown",
    "with_figures",
]
