"""One page, or a folder for a paper, of what studies hold: how it was made, curves, tables and what is to be known."""

from nasbench_kit.report.contents import Report, report_of
from nasbench_kit.report.page import html_page, page_data
from nasbench_kit.report.paper import check_paper, write_paper
from nasbench_kit.report.serving import LivePage, server

__all__ = ["LivePage", "Report", "check_paper", "html_page", "page_data", "report_of", "server", "write_paper"]
