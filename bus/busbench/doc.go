// Package busbench measures the bus as it is built: real streams over embedded NATS servers with real routes on loopback, all in
// this process, each figure beside a floor that is measured in the same run. The floor is NATS with nothing on top (bus/natsbus and
// an empty handler), the same bytes at the same pace.
//
// What counts is CPU (user and system, of the whole process: generator, servers, routes and listeners) and ratios: they move little
// when the machine is busy. CPU, rates and stalls are the median of several repetitions; latencies, the merge and the journal are the best of them,
// since other work on the machine only adds. Latency is from just before Publish to the callback of the stream, on one clock; what an AMI client's
// socket adds is not in it. Nothing is left running.
package busbench
