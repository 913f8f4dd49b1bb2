import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "freshtrak.settings")

application = get_wsgi_application()

# What is loaded now stays: the garbage collector need not walk it again and again.
gc.freeze()
