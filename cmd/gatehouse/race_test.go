//go:build race

package main

// mostMemory is what a server of the tests takes at most, in MiB; the race detector keeps a multiple of what it watches.
const mostMemory = 4000
