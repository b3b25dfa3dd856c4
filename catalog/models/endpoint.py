"""Where a model answers over HTTP. In a table of its own, because most versions bring a file."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from catalog.base import Governed
from catalog.choices import EndpointProtocol
from catalog.digests import digest
from catalog.models.model import ModelVersion, refuse_changes
from catalog.validators import identifier, visible_text, web_address


class ModelEndpoint(Governed):
    """How one version is asked at its address. Immutable, as the version is.

    What answers there can change unseen; a server that keeps versions apart should be asked for
    one by name.
    """

    project_path = "version__model__project"
    #: What makes two endpoints the same one to ask; how fast it is asked does not.
    IDENTITY = ("protocol", "address", "served_model", "served_version", "output")

    version = models.OneToOneField(ModelVersion, on_delete=models.PROTECT, related_name="endpoint")
    protocol = models.CharField(max_length=10, choices=EndpointProtocol.choices)
    address = models.CharField(max_length=500, validators=[web_address])
    served_model = models.CharField(max_length=64, blank=True, validators=[identifier])
    served_version = models.CharField(max_length=64, blank=True, validators=[identifier])
    output = models.CharField(max_length=120, blank=True, validators=[visible_text])
    batch_size = models.PositiveIntegerField(
        default=100, validators=[MinValueValidator(1), MaxValueValidator(10_000)]
    )
    deadline = models.FloatField(  # seconds for one request
        default=10.0, validators=[MinValueValidator(0.1), MaxValueValidator(300)]
    )

    class Meta:
        verbose_name = "model endpoint"

    def __str__(self) -> str:
        return f"{self.get_protocol_display()} at {self.address}"

    def clean(self) -> None:
        if self.protocol == EndpointProtocol.OPEN_INFERENCE and not self.served_model:
            raise ValidationError(
                {"served_model": "Say by which name the server knows the model."}
            )
        if self.protocol == EndpointProtocol.MLFLOW and (self.served_model or self.served_version):
            raise ValidationError(
                {"served_model": "MLflow serves one model at an address: leave its name out."}
            )

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            refuse_changes(self, except_for=frozenset())
        super().save(*args, **kwargs)

    @property
    def digest(self) -> str:
        """Stands for the model in place of a file's digest."""
        return digest({name: getattr(self, name) for name in self.IDENTITY})
