# The program alone, started as a user without rights.
# `cargo xtask package --program` writes the build context: docker build --file Dockerfile target/program/image
FROM scratch
# The builder sets it to the processor of the image: amd64 or arm64.
ARG TARGETARCH
LABEL org.opencontainers.image.source="https://github.com/just-driving/synthetics" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY ${TARGETARCH}/ /
USER 65532:65532
ENTRYPOINT ["/synthetics"]
