#!/bin/bash
# The service's user on PantryTrak's database: reads four tables, writes two columns in two of them.
mysql --user=root --password="$MYSQL_ROOT_PASSWORD" <<SQL
CREATE USER freshtrak IDENTIFIED BY '$APP_PASSWORD';
GRANT SELECT ON freshtrak_public.events TO freshtrak;
GRANT SELECT ON freshtrak_public.event_dates TO freshtrak;
GRANT SELECT ON freshtrak_public.event_hours TO freshtrak;
GRANT SELECT ON freshtrak_public.event_slots TO freshtrak;
GRANT UPDATE (reserved, last_update) ON freshtrak_public.event_slots TO freshtrak;
GRANT UPDATE (reserved, last_update) ON freshtrak_public.event_dates TO freshtrak;
SQL
