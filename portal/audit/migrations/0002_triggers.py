"""A second wall: the database itself refuses to change or shorten the ledger."""

from django.db import migrations

REFUSALS = {
    "audit_auditevent": ("UPDATE", "DELETE"),
    "audit_auditopening": ("UPDATE",),  # deleted when content is redacted
    "audit_audithead": ("DELETE",),  # updated by every append
}


def install(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    statements = _postgresql() if vendor == "postgresql" else _sqlite()
    with schema_editor.connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def remove(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    with schema_editor.connection.cursor() as cursor:
        for table, operations in REFUSALS.items():
            for operation in (*operations, "TRUNCATE"):
                on = f" ON {table}" if vendor == "postgresql" else ""
                cursor.execute(f"DROP TRIGGER IF EXISTS {_name(table, operation)}{on}")
        if vendor == "postgresql":
            cursor.execute("DROP FUNCTION IF EXISTS audit_refuse()")


def _name(table, operation):
    return f"{table}_refuses_{operation.lower()}"


def _sqlite():
    for table, operations in REFUSALS.items():
        for operation in operations:
            yield (
                f"CREATE TRIGGER {_name(table, operation)} BEFORE {operation} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, 'The audit ledger refuses {operation}.'); END"
            )


def _postgresql():
    yield (
        "CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION 'The audit ledger refuses %', TG_OP; END $$"
    )
    for table, operations in REFUSALS.items():
        for operation in operations:
            yield (
                f"CREATE TRIGGER {_name(table, operation)} BEFORE {operation} ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION audit_refuse()"
            )
        yield (
            f"CREATE TRIGGER {_name(table, 'TRUNCATE')} BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()"
        )


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [migrations.RunPython(install, remove)]
