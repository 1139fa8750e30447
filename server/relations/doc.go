// Package relations holds the pages where people connect this server to providers, the servers at which it is an OAuth
// client itself, and disconnect it again. What is said to the providers is package connect's.
package relations
