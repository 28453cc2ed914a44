// Package admin serves what an operator and his tools look at: /healthz, /readyz and /metrics, over plain HTTP. It is the only
// importer of the Prometheus library: others hand it functions that read their counters, and know no more of metrics than that.
//
//   - /healthz is 200 while the process serves at all. Restart the process when it is not.
//   - /readyz is 200 when the node is ready and 503 when it is not, with the reasons as JSON. Send no clients while it is 503.
//   - /metrics is the Prometheus text format; the node's own names begin with amibus_.
//
// There is nothing to change here: only GET and HEAD are answered, and no other origin is let in (no CORS).
package admin
