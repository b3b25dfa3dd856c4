"""The project's own settings with a folder of its own, no lockout and quick hashing."""

import os
import tempfile

# Before the settings are read: everything they derive from the folder must follow it.
os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="touchstone-tests-")

from portal.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AXES_ENABLED = False
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):  # noqa: F405
    # In memory all threads share one cache and its own kind of locks; races need the real file.
    DATABASES["default"]["TEST"] = {"NAME": f"{DATA_DIR}/tests.sqlite3"}  # noqa: F405
STATIC_ROOT.mkdir(exist_ok=True)  # noqa: F405
