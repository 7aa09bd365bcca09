# The server in a slim image: built from the locked sources, run as nobody in particular (SUP-07).
# CI has no container engine and does not build this file.

FROM rust:1.95-slim-bookworm AS build
WORKDIR /source
COPY . .
RUN cargo build --release --locked --package portcullis-server

FROM debian:bookworm-slim
RUN groupadd --gid 10001 portcullis && useradd --uid 10001 --gid portcullis --no-create-home portcullis \
    && mkdir /instance && chown portcullis:portcullis /instance
COPY --from=build /source/target/release/portcullis /usr/local/bin/portcullis
USER portcullis
VOLUME /instance
EXPOSE 5000
# Exit code 0 while the process answers; bash is there for its /dev/tcp, so that no client need be installed.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["/bin/bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/5000 && printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3 && grep -q '200 OK' <&3"]
ENTRYPOINT ["/usr/local/bin/portcullis"]
CMD ["serve", "--instance", "/instance", "--listen", "0.0.0.0:5000"]
