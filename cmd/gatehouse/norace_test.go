//go:build !race

package main

// mostMemory is what a server of the tests takes at most, in MiB.
const mostMemory = 500
