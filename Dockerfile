# The image holds the program, the certificate authorities and two empty folders: no shell, no package manager.

FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
WORKDIR /src

# The modules come before the sources, so that a change of the sources does not fetch them again. The replaced modules are
# part of the repository, and go mod download wants to see them.
COPY go.mod go.sum ./
COPY server/internal/oryx ./server/internal/oryx
COPY server/internal/nogomock ./server/internal/nogomock
COPY server/internal/notestify ./server/internal/notestify
COPY storage/internal/nosqlite3 ./storage/internal/nosqlite3
RUN go mod download

COPY . .
ARG TARGETOS
ARG TARGETARCH
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -buildvcs=false -ldflags "-s -w" -o /image/gatehouse ./cmd/gatehouse
RUN install -d -m 0700 /image/data && install -d -m 1777 /image/tmp

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build --chown=65532:65532 /image/data /data
COPY --from=build /image/tmp /tmp
COPY --from=build /image/gatehouse /gatehouse

# A number, since there is no /etc/passwd to look a name up in, and since Kubernetes proves runAsNonRoot by numbers only.
USER 65532:65532
WORKDIR /
ENV GATEHOUSE_DATA=/data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["/gatehouse", "health"]
ENTRYPOINT ["/gatehouse"]
CMD ["serve", "--listen", "0.0.0.0:8080"]
