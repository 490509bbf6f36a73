# One image for every process: `occam api`, `occam worker`, `occam migrate`, or `occam serve`.
#
#   docker build -t occam .                            CPU build of torch
#   docker build -t occam:gpu --build-arg TORCH=cu130 .    CUDA build; run with --gpus all
#
# TORCH is a folder of TORCH_INDEX: cpu, cu126, cu130, … A mirror may stand in for either index.

ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS build
ARG TORCH=cpu
ARG TORCH_INDEX=https://download.pytorch.org/whl
ARG PIP_INDEX_URL=https://pypi.org/simple
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN python -m venv /opt/occam
ENV PATH=/opt/occam/bin:$PATH
# Dependencies first: this layer is rebuilt only when pyproject.toml changes.
COPY pyproject.toml ./
RUN python -c "import tomllib; \
project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
print(*project['dependencies'], *project['optional-dependencies']['s3'], sep='\n')" \
    > requirements.txt \
 && grep '^torch' requirements.txt > torch.txt \
 && pip install --index-url "${TORCH_INDEX}/${TORCH}" -r torch.txt \
 && pip install -r requirements.txt
COPY . .
RUN pip install --no-deps .

FROM python:${PYTHON} AS run
RUN groupadd --gid 10001 occam \
 && useradd --uid 10001 --gid occam --no-create-home --home-dir /tmp --shell /usr/sbin/nologin occam \
 && install --directory --owner occam --group occam /data
COPY --from=build /opt/occam /opt/occam
ENV PATH=/opt/occam/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    OCCAM_HOST=0.0.0.0 \
    OCCAM_PORT=8000 \
    OCCAM_DATA_DIR=/data \
    OCCAM_LOG_FORMAT=json
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
# The API alone can be asked over HTTP; a worker's check is in docker-compose.yml.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['OCCAM_PORT'] + '/healthz', timeout=4)"]
ENTRYPOINT ["occam"]
CMD ["serve"]
