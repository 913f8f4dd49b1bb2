import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "freshtrak.settings")

application = get_wsgi_application()

# What is loaded now stays: the garbage collector need not walk it again and again. And a request
# makes some thousand objects, most without cycles: the default threshold looks at each seven times.
gc.freeze()
gc.set_threshold(20_000, 10, 10)
