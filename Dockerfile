# syntax=docker/dockerfile:1
ARG PYTHON=3.13-slim-bookworm

# --- the dashboard: Node.js and npm's packages are needed to build it, and stay here ---
FROM python:${PYTHON} AS dashboard
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
RUN python -m venv .venv
COPY scripts/web scripts/web-node ./scripts/
COPY requirements-node.lock ./
COPY web ./web
RUN scripts/web .venv build

# --- dependencies, checked against the hashes of the lock ---
FROM python:${PYTHON} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
RUN python -m venv .venv
COPY scripts ./scripts
COPY requirements.lock pyproject.toml setup.py README.md LICENSE ./
COPY signalbox ./signalbox
COPY migrations ./migrations
COPY --from=dashboard /app/web/dist ./web/dist
RUN scripts/install .venv requirements.lock && .venv/bin/python -m compileall -q signalbox migrations

# --- what runs ---
FROM python:${PYTHON}
RUN groupadd --gid 10001 signalbox \
 && useradd --uid 10001 --gid signalbox --home-dir /var/lib/signalbox --create-home --shell /usr/sbin/nologin signalbox
WORKDIR /app
COPY --from=build /app /app
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    SIGNALBOX_HOST=0.0.0.0 \
    SIGNALBOX_PORT=8000 \
    SIGNALBOX_DATA=/var/lib/signalbox \
    SIGNALBOX_LOG_FORMAT=json
USER signalbox
VOLUME /var/lib/signalbox
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=40s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['SIGNALBOX_PORT'] + '/health/ready', timeout=4)"]
# Alone, the image runs everything in one container with embedded servers; compose.yaml runs the parts.
CMD ["signalbox", "up"]
