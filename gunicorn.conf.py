"""How the service is served. Each line can be overridden on the command line."""

bind = "127.0.0.1:8000"
workers = 2
worker_class = "gthread"
threads = 4
timeout = 60  # longer than the patience of a booking (10 s) and the lock wait behind it
control_socket_disable = True
