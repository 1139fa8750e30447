// Package main stands in for the generator of mocks, which fosite names as a tool.
package main

func main() {}
