"""What the levels above may hear of; nothing here waits for an answer."""

from django.dispatch import Signal

#: A run was judged and its comparison stored. Sent after the commit. Arguments: comparison.
comparison_judged = Signal()
