// Package sign holds the keys that sign id_tokens, parsed and in memory, and publishes their public halves.
package sign
