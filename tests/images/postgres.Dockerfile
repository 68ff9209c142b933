# A stand-in for the official image of PostgreSQL, from Debian's package, where there is no registry of images to ask.
# It keeps that image's contract as far as deploy/compose.yaml uses it: POSTGRES_USER, POSTGRES_DB, POSTGRES_PASSWORD_FILE, the data's place.
FROM localhost/bookworm:raw
RUN apt-get update -q > /dev/null \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends postgresql-15 > /dev/null \
    && rm -rf /var/lib/apt/lists/* \
    && install --directory --owner postgres --group postgres --mode 0700 /var/lib/postgresql/data \
    && install --directory --owner postgres --group postgres --mode 2777 /var/run/postgresql
COPY postgres-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin PGDATA=/var/lib/postgresql/data
USER postgres
STOPSIGNAL SIGINT
EXPOSE 5432
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
