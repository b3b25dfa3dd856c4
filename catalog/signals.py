"""What the levels above may hear of; nobody below depends on being heard."""

from django.dispatch import Signal

#: The outermost write block is about to commit. Arguments: items, what was collected in it.
committing = Signal()
#: Something happened that belongs in the record though no governed row changed, such as a view of
#: sensitive text. Arguments: action (dotted name), obj, actor, project_id, payload (plain dict).
happened = Signal()
#: A failure case changed its status. Arguments: case.
failure_moved = Signal()
