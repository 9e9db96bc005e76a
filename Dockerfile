# Build: docker build -t syncd .
# Run:   docker run --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
#          -v ./config.yaml:/etc/syncd/config.yaml:ro -v syncd:/var/lib/syncd --env-file keys.env syncd
# In a container http.listen must be 0.0.0.0:8642 to be reached from outside; keep it off public networks.
ARG PYTHON=3.12-slim-bookworm

FROM python:${PYTHON} AS build
WORKDIR /build
COPY requirements.lock ./
RUN python -m venv /opt/syncd \
 && /opt/syncd/bin/pip install --no-cache-dir --no-compile --require-hashes -r requirements.lock
COPY . .
RUN python -m pip install --no-cache-dir 'hatchling>=1.27' \
 && SOURCE_DATE_EPOCH=1577836800 python -m hatchling build -t wheel -d /dist \
 && /opt/syncd/bin/pip install --no-cache-dir --no-deps /dist/*.whl \
 && /opt/syncd/bin/python -m compileall -q /opt/syncd/lib

FROM python:${PYTHON}
RUN useradd --system --uid 10001 --home-dir /var/lib/syncd --shell /usr/sbin/nologin syncd \
 && install -d -m 0700 -o syncd -g syncd /var/lib/syncd
COPY --from=build /opt/syncd /opt/syncd
ENV PATH=/opt/syncd/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /var/lib/syncd
VOLUME /var/lib/syncd
EXPOSE 8642
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["syncd", "healthcheck"]
ENTRYPOINT ["syncd"]
CMD ["run", "--config", "/etc/syncd/config.yaml"]
