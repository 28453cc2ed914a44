//go:build race

package busbench

const race = true
