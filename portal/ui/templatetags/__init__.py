"""Tag libraries; pages write `{% load ui %}`."""
