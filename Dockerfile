# A static binary on nothing: docker build -t amibus .
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /out/amibus ./cmd/amibus && mkdir -p /out/data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/amibus /amibus
COPY --from=build --chown=65532:65532 /out/data /var/lib/amibus
USER 65532:65532
ENV HOME=/var/lib/amibus
# AMI, routes, gossip, health and metrics
EXPOSE 5038 6222 7946/tcp 7946/udp 8080
VOLUME /var/lib/amibus
STOPSIGNAL SIGTERM
ENTRYPOINT ["/amibus"]
CMD ["run"]
