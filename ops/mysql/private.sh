#!/bin/bash
# The service's user on its own database: everything that migrate needs, and no rights elsewhere.
mysql --user=root --password="$MYSQL_ROOT_PASSWORD" <<SQL
CREATE USER freshtrak IDENTIFIED BY '$APP_PASSWORD';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, DROP, REFERENCES
    ON freshtrak_private.* TO freshtrak;
SQL
