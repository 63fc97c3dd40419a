# syntax=docker/dockerfile:1

# The sample service (app/) as an image of one static binary. BuildKit makes it
# for any platform; the compiler always runs on the builder's own:
#
#   docker buildx build --platform=linux/amd64,linux/arm64 -t crossoverjie/k8s-combat:v1 .

# As go.mod asks for.
ARG GO_VERSION=1.26

FROM --platform=$BUILDPLATFORM golang:${GO_VERSION} AS build
WORKDIR /src
# For networks that reach modules through a proxy of their own: --build-arg GOPROXY=URL
ARG GOPROXY
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=dev
ARG REVISION=unknown
# The sources are mounted, not copied, and there is no layer for go mod download:
# the caches keep modules and packages between builds, and only what app/ imports
# is fetched.
#
# The tags leave out what makes the program half as large again and nobody asks
# for: gRPC's trace pages, whose templates keep the linker from dropping unused
# methods, and HTTP/2 in net/http, of which gRPC has another. Functions begin at
# every 8 bytes, not 32, which is another quarter of a megabyte.
RUN --mount=type=bind,target=. \
    --mount=type=cache,target=/go/pkg/mod \
    --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH GOPROXY=$GOPROXY \
    go build -buildvcs=false -trimpath -tags=grpcnotrace,nethttpomithttp2 \
      -ldflags="-s -w -funcalign=8 -X github.com/crossoverJie/k8s-combat/app/internal/build.Version=$VERSION -X github.com/crossoverJie/k8s-combat/app/internal/build.Revision=$REVISION" \
      -o /out/k8s-combat ./app

FROM scratch
# For providers behind https.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/k8s-combat /k8s-combat
# In numbers, or kubelet's runAsNonRoot refuses the image.
USER 65532:65532
# HTTP, gRPC, and what is for whoever runs it.
EXPOSE 8081 50051 8082
ENTRYPOINT ["/k8s-combat"]

ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="k8s-combat" \
      org.opencontainers.image.description="The sample service of the k8s-combat tutorial: HTTP and gRPC, made to be deployed" \
      org.opencontainers.image.source="https://github.com/crossoverJie/k8s-combat" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
