"""The WSGI entry of the web process."""

import gc
import importlib
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")

application = get_wsgi_application()

# What is loaded now stays for as long as the process: the collector need not walk it again and again while a request
# makes ten thousand objects. That took a third of the time of a large one, which leaves hardly a cycle behind.
importlib.import_module("config.urls")
gc.collect()
gc.freeze()
gc.set_threshold(50_000, 20, 20)
