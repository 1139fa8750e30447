package e2e

import (
	"fmt"
	"os"
	"runtime/debug"
	"testing"
)

func TestMain(m *testing.M) {
	// Each password that is hashed takes 19 MiB, after which the collector would look through the little that there is else.
	debug.SetGCPercent(400)
	code := m.Run()
	stopChromium()
	removeProgram()
	removeOpenIDClients()
	removeNodeClients()
	if err := databases.Drop(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
