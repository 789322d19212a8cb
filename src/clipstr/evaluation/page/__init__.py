"""An error report as one page: what a model misreads, what that depends on, where it looked."""

from clipstr.evaluation.page.writing import PAGE_FILE, Looker, require_templates, write_page

__all__ = ["PAGE_FILE", "Looker", "require_templates", "write_page"]
